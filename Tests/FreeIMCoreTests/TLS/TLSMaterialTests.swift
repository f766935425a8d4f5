import CertificateTestSupport
import Foundation
import Testing

@testable import FreeIMCore

@Suite("Files of a TLS listener")
struct TLSMaterialTests {
    private let authority: CertificateAuthority
    private let good: Certificate

    init() async throws {
        authority = try await CertificateAuthority()
        good = try await authority.issue("good", days: 90)
    }

    /// What is said of the files, at a moment so many days from now.
    private func problems(certificate: String? = nil, key: String? = nil, authorities: String? = nil, day: Double = 0)
        -> [String]
    {
        var listener = TLSListener(
            listen: ListenAddress(host: "127.0.0.1", port: 0), certificateFile: certificate ?? good.file,
            keyFile: key ?? good.key)
        listener.clientAuthorityFile = authorities
        do throws(TLSProblems) {
            _ = try TLSMaterial(listener, now: .now.addingTimeInterval(day * 86_400))
            return []
        } catch {
            return error.problems.map { "\($0.key): \($0.message.replacing(authority.folder, with: "DIR"))" }
        }
    }

    @Test("A certificate, its chain, its key and authorities are taken")
    func fine() throws {
        #expect(problems().isEmpty)
        let chain =
            try String(contentsOfFile: good.file, encoding: .utf8)
            + String(contentsOfFile: authority.file, encoding: .utf8)
        #expect(problems(certificate: try authority.write(chain, to: "chain.crt"), authorities: authority.file).isEmpty)
    }

    @Test("Files that are missing or folders are all named")
    func missing() {
        #expect(
            problems(certificate: "/nowhere/a.crt", key: authority.folder, authorities: "/nowhere/ca.crt") == [
                "tls_certificate: there is no file /nowhere/a.crt; put it there, or name another",
                "tls_key: DIR is a folder; name the file in it",
                "tls_client_ca: there is no file /nowhere/ca.crt; put it there, or name another",
            ])
    }

    @Test("Files that hold something else are named")
    func notPEM() throws {
        let text = try authority.write("hunter2 hunter2", to: "text")
        #expect(
            problems(certificate: good.key, key: text, authorities: text) == [
                """
                tls_certificate: DIR/good.key holds no certificates in PEM, which begin with '-----BEGIN CERTIFICATE-----'; \
                name another file
                """,
                """
                tls_key: DIR/text holds no private key in PEM, which begins with '-----BEGIN PRIVATE KEY-----'; name another \
                file
                """,
                """
                tls_client_ca: DIR/text holds no certificates in PEM, which begin with '-----BEGIN CERTIFICATE-----'; name \
                another file
                """,
            ])
    }

    @Test("A key with a passphrase is told from one that is none")
    func passphrase() async throws {
        try await openssl([
            "pkey", "-in", good.key, "-aes256", "-passout", "pass:hunter2", "-out", "\(authority.folder)/locked",
        ])
        #expect(
            problems(key: "\(authority.folder)/locked") == [
                "tls_key: the key in DIR/locked has a passphrase; write it without, by 'openssl pkey', for freeimd alone to read"
            ])
    }

    @Test("A key of another certificate is a mistake")
    func mismatch() async throws {
        let other = try await authority.issue("other")
        #expect(
            problems(key: other.key) == [
                """
                tls_key: the key in DIR/other.key does not fit the certificate in DIR/good.crt; name the key that belongs to \
                it, and let the listener's own certificate be the first of its file
                """
            ])
    }

    @Test(
        "A certificate is a mistake before its time and behind it",
        arguments: [(-1.0, "is not valid before 20"), (91, "ended at 20")])
    func validity(day: Double, text: String) throws {
        let problem = try #require(problems(day: day).first)
        #expect(problem.hasPrefix("tls_certificate: the certificate in DIR/good.crt \(text)"))
    }

    @Test("A certificate is warned of in its last 30 days", arguments: [(59.0, false), (61, true)])
    func warning(day: Double, isDue: Bool) throws {
        let now = Date.now.addingTimeInterval(day * 86_400)
        let listener = TLSListener(
            listen: ListenAddress(host: "127.0.0.1", port: 0), certificateFile: good.file, keyFile: good.key)
        let material = try TLSMaterial(listener, now: now)
        let warning = material.warning(now: now)?.message
        #expect(warning?.contains("ends at \(material.end.formatted(.iso8601)), within 30 days") ?? false == isDue)
    }
}
