import NIOCore
import NIOSSL

extension RedisClientConfiguration {
    /// Reads the files of ``tls``; nil where the connection is in clear.
    func makeTLSContext() throws(RedisError) -> NIOSSLContext? {
        guard let tls else { return nil }
        do {
            var settings = TLSConfiguration.makeClientConfiguration()
            // RFC 8996: the versions before are not to be used.
            settings.minimumTLSVersion = .tlsv12
            // A peer that is given up as silent does not take leave, and the next attempt waits for this one's end.
            settings.shutdownTimeout = .milliseconds(500)
            if let file = tls.caFile { settings.trustRoots = .file(file) }
            if let file = tls.certificateFile {
                settings.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
            }
            if let file = tls.keyFile {
                settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
            }
            return try NIOSSLContext(configuration: settings)
        } catch {
            let files = [tls.caFile, tls.certificateFile, tls.keyFile].compactMap(\.self).joined(separator: ", ")
            throw RedisError(.tls, "TLS cannot be set up; check the files \(files): \(error)", underlying: error)
        }
    }

    /// The name to verify and to send (SNI); nil for an address, which is then verified as such (RFC 6066 §3).
    var expectedServerName: String? {
        if let name = tls?.serverName { return name }
        guard case .tcp(let host, _) = endpoint else { return nil }
        return Self.isAddress(host) ? nil : host
    }

    static func isAddress(_ host: String) -> Bool {
        (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }
}
