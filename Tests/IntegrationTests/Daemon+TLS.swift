import CertificateTestSupport
import Foundation
import FreeIMTestSupport
import Testing

extension Daemon {
    /// The port at which a listener was bound, by its kind and the message that says so.
    func port(of kind: String, _ message: String = "] listening") async throws -> Int {
        func line() -> Substring? {
            logText.split(separator: "\n").first { $0.hasSuffix(message) && $0.contains("im.listener=\(kind)") }
        }
        try await eventually { line() != nil }
        let address = try #require(line()).split(separator: " ").first { $0.contains("im.address=") }
        return try #require(address?.split(separator: ":").last.flatMap { Int($0) })
    }

    /// The value of a metric without labels; nil where there is none.
    func metric(_ name: String) async throws -> Double? {
        try await API(port: apiPort)("GET", "/metrics").text.split(separator: "\n")
            .first { $0.hasPrefix("\(name) ") }?.split(separator: " ").last.flatMap { Double($0) }
    }
}

extension Manifest {
    /// A gateway on TLS beside the plain listener; `listen: none` for TLS alone.
    static func tls(_ certificate: Certificate, gateway: [String: String] = [:], node: [String: String] = [:])
        -> Manifest
    {
        let keys = ["tls_listen": "\"127.0.0.1:0\"", "tls_certificate": certificate.file, "tls_key": certificate.key]
        return Manifest(gateway: keys.merging(gateway) { $1 }, node: node)
    }
}
