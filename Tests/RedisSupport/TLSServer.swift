import CertificateTestSupport
import Foundation

extension RedisServer {
    /// Some builds of the server speak no TLS. The second option is wrong in any build, so that none starts; which of the
    /// two is complained of tells.
    public static let hasTLS: Bool = {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program, "--tls-port", "0", "--no-such-option", "1"]
        process.standardOutput = output
        process.standardError = output
        guard (try? process.run()) != nil else { return false }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return !text.contains("tls-port")
    }()

    public static let noTLS = "the server that REDIS_SERVER names was built without TLS"
}

/// Runs `body` beside a server that speaks TLS alone; `ca.crt`, `client.crt` and `client.key` are in its directory.
///
/// - Parameters:
///   - clients: `--tls-auth-clients`: whether the server asks for a certificate, `yes` or `no`.
///   - names: what the certificates are for, as openssl's `subjectAltName` has it.
public func withTLSServer(
    clients: String = "no", names: String = "DNS:localhost,IP:127.0.0.1",
    body: (RedisServer) async throws -> Void
) async throws {
    try await withDirectory { directory in
        try await makeCertificates(in: directory, names: names)
        let server = try await RedisServer(
            [
                "--port", "0", "--tls-port", "{port}", "--tls-cert-file", "{dir}/server.crt", "--tls-key-file",
                "{dir}/server.key", "--tls-ca-cert-file", "{dir}/ca.crt", "--tls-auth-clients", clients,
            ], directory: directory)
        defer { server.end() }
        try await server.listens()
        try await body(server)
    }
}

/// An authority and certificates of a server and a client, made by the openssl command.
private func makeCertificates(in directory: String, names: String) async throws {
    let days = ["-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    try await openssl(
        ["req", "-x509", "-subj", "/CN=Test CA", "-keyout", "\(directory)/ca.key", "-out", "\(directory)/ca.crt"]
            + days)
    for (name, subject) in [("server", "/CN=localhost"), ("client", "/CN=client")] {
        try await openssl(
            [
                "req", "-x509", "-subj", subject, "-addext", "subjectAltName=\(names)",
                "-addext", "basicConstraints=critical,CA:FALSE", "-CA", "\(directory)/ca.crt", "-CAkey",
                "\(directory)/ca.key", "-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).crt",
            ] + days)
    }
}
