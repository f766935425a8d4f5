import Foundation

/// An authority of a test, made by the openssl command, in a folder that goes with it.
public final class CertificateAuthority: Sendable {
    public let folder: String
    /// The authority's own certificate.
    public var file: String { "\(folder)/ca.crt" }

    private static let key = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]

    public convenience init(name: String = "Test CA") async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "freeim-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try await self.init(folder: folder.path, name: name)
    }

    private init(folder: String, name: String) async throws {
        self.folder = folder
        try await openssl(
            [
                "req", "-x509", "-subj", "/CN=\(name)", "-days", "400", "-keyout", "\(folder)/ca.key", "-out",
                "\(folder)/ca.crt",
            ]
                + Self.key)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Makes a certificate, `name.crt`, and its key, `name.key`; over those of that name, where there are any.
    ///
    /// - Parameter days: how long it is valid from now on; less than none: it has ended.
    @discardableResult
    public func issue(_ name: String, subject: String? = nil, days: Int = 365) async throws -> Certificate {
        let certificate = Certificate(file: "\(folder)/\(name).crt", key: "\(folder)/\(name).key")
        let request = "\(folder)/\(UUID().uuidString)"
        try "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n".write(
            toFile: "\(request).ext", atomically: true, encoding: .utf8)
        try await openssl(
            ["req", "-new", "-subj", "/CN=\(subject ?? name)", "-keyout", "\(request).key", "-out", request] + Self.key)
        try await openssl([
            "x509", "-req", "-in", request, "-CA", file, "-CAkey", "\(folder)/ca.key", "-days", "\(days)", "-extfile",
            "\(request).ext", "-out", "\(request).crt",
        ])
        for (made, place) in [("\(request).key", certificate.key), ("\(request).crt", certificate.file)] {
            try? FileManager.default.removeItem(atPath: place)
            try FileManager.default.moveItem(atPath: made, toPath: place)
        }
        return certificate
    }

    /// Writes a file into the folder.
    public func write(_ text: String, to name: String) throws -> String {
        try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8)
        return "\(folder)/\(name)"
    }
}

/// A certificate and its key, each in a PEM file.
public struct Certificate: Sendable {
    public let file: String
    public let key: String

    public init(file: String, key: String) {
        self.file = file
        self.key = key
    }
}
