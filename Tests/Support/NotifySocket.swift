import Foundation

/// Plays systemd: a datagram socket to which a service tells how it is.
public final class NotifySocket {
    /// For `NOTIFY_SOCKET`.
    public let name: String
    private let descriptor: Int32

    /// - Parameter isAbstract: in the abstract namespace of unix(7), otherwise in a folder.
    public init(isAbstract: Bool = false) throws {
        let unique = "freeim-notify-\(UInt64.random(in: 0 ... .max))"
        name = isAbstract ? "@\(unique)" : FileManager.default.temporaryDirectory.appending(path: unique).path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var bytes = Array(name.utf8)
        if isAbstract { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let isBound = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 }
        }
        guard isBound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EINVAL) }
    }

    deinit {
        close(descriptor)
        if name.hasPrefix("/") { unlink(name) }
    }

    /// The next datagram's assignments; nil where none is there.
    public func next() -> [String]? {
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        guard count >= 0 else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Waits for a datagram with this assignment; returns it whole.
    @discardableResult
    public func wait(for assignment: String, within deadline: Duration = .seconds(30)) async throws -> [String] {
        var found: [String] = []
        try await eventually(within: deadline) {
            while let next = next() {
                guard next.contains(assignment) else { continue }
                found = next
                return true
            }
            return false
        }
        return found
    }
}
