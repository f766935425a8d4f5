import CertificateTestSupport
import Foundation
import FreeIMCore
import NIOPosix
import Testing

@testable import FreeIMDaemon

@Suite("Certificates in a manifest")
struct CertificateTests {
    private let authority: CertificateAuthority

    init() async throws {
        authority = try await CertificateAuthority()
    }

    /// A manifest whose gateway listens over TLS alone.
    private func manifest(_ certificate: Certificate, listen: String = "127.0.0.1:6443", auth: String = "token")
        -> String
    {
        """
        modules:
          - use: gateway.websocket
            with:
              listen: none
              tls_listen: "\(listen)"
              tls_certificate: \(certificate.file)
              tls_key: \(certificate.key)
          - use: transport.memory
          - use: presence.memory
          - use: auth.\(auth)

        """
    }

    private func check(_ text: String) throws -> (status: Int32, errors: [String], output: [String]) {
        let file = try authority.write(text, to: "plugins.yaml")
        let recorder = Recorder()
        let status = recorder.program().check(file: file)
        func named(_ lines: [String]) -> [String] { lines.map { $0.replacing(authority.folder, with: "DIR") } }
        return (status, named(recorder.errors), named(recorder.output))
    }

    @Test("A certificate that has ended is a mistake, with its place")
    func ended() async throws {
        let outcome = try check(manifest(try await authority.issue("node", days: -1)))
        #expect(outcome.status == 78)
        let error = try #require(outcome.errors.first)
        #expect(
            error.hasPrefix(
                "DIR/plugins.yaml:6:7: 'tls_certificate' of gateway.websocket: the certificate in DIR/node.crt ended at 20"
            ))
    }

    @Test("A certificate that ends within 30 days is fine, with a warning and the date")
    func endsSoon() async throws {
        let outcome = try check(manifest(try await authority.issue("node", days: 20)))
        #expect(outcome.status == 0)
        #expect(outcome.output.count == 2)
        let warning = try #require(outcome.output.first)
        #expect(
            warning.hasPrefix(
                """
                DIR/plugins.yaml:6:7: warning: 'tls_certificate' of gateway.websocket: the certificate in DIR/node.crt ends \
                at \(Date.now.addingTimeInterval(20 * 86_400).formatted(.iso8601).prefix(10))
                """))
    }

    @Test("A certificate with time left is fine, without a word")
    func fine() async throws {
        let outcome = try check(manifest(try await authority.issue("node", days: 40)))
        #expect(outcome.status == 0)
        #expect(
            outcome.output == [
                "DIR/plugins.yaml: fine; gateway.websocket, transport.memory, presence.memory, auth.token"
            ])
    }

    @Test("Nothing of a key is in any message")
    func secret() async throws {
        let certificate = try await authority.issue("node")
        let key = try String(contentsOfFile: certificate.key, encoding: .utf8)
        let broken = try authority.write(key.replacing("PRIVATE KEY", with: "PRIVAT KEY"), to: "broken.key")
        let outcome = try check(manifest(Certificate(file: certificate.key, key: broken)))
        #expect(outcome.errors.count == 2)
        let secrets = key.split(separator: "\n").filter { !$0.hasPrefix("-----") }
        for line in outcome.errors + outcome.output { #expect(!secrets.contains { line.contains($0) }) }
    }

    @Test("Over TLS alone a node is called by that listener, and its connect URLs begin with wss")
    func identity() async throws {
        let text = manifest(try await authority.issue("node"))
        var reader = ManifestReader(file: "m.yaml", environment: [:])
        let read = reader.read(text)
        let root = try #require(read)
        let plan = try Assembler(catalog: .standard).plan(Manifest(root, file: "m.yaml"))
        let assembly = try Assembly(plan, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .silent)
        #expect(assembly.node.identity.name == "127.0.0.1:6443")
        #expect(assembly.node.identity.url(of: "127.0.0.1:6443") == "wss://127.0.0.1:6443/ws")
        #expect(assembly.reloads.map(\.id.description) == ["gateway.websocket"])
    }

    @Test("What must not be beyond loopback must not be there over TLS either")
    func anonymous() async throws {
        let certificate = try await authority.issue("node")
        let outcome = try check(manifest(certificate, listen: "192.0.2.1:6443", auth: "anonymous"))
        #expect(outcome.status == 78)
        #expect(outcome.errors.first?.contains("the gateway listens on 192.0.2.1:6443, beyond loopback") == true)
    }
}
