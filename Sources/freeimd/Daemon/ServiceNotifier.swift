#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Tells the service manager how the node is: sd_notify(3) of systemd, a datagram of assignments to `NOTIFY_SOCKET`.
///
/// Plain system calls, so that no event loop stands between a hung node and whoever looks after it.
final class ServiceNotifier: Sendable {
    private let descriptor: Int32
    private let address: sockaddr_un
    private let addressLength: socklen_t

    /// nil where nobody wants to be told, or cannot be.
    init?(environment: [String: String]) {
        // unix(7): a path, or a name in the abstract namespace, which begins with a null byte, written '@' here.
        guard let name = environment["NOTIFY_SOCKET"], let first = name.utf8.first,
            first == UInt8(ascii: "/") || first == UInt8(ascii: "@")
        else { return nil }
        var bytes = Array(name.utf8)
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        #if os(Linux)
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        #else
            descriptor = socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        guard descriptor >= 0 else { return nil }
        self.address = address
        // An abstract name ends with the address, so no further byte belongs to it.
        addressLength = socklen_t((MemoryLayout.offset(of: \sockaddr_un.sun_path) ?? 0) + bytes.count)
    }

    deinit { close(descriptor) }

    /// Sends the assignments, `READY=1` for instance, in one datagram. What cannot be sent is dropped: the next one says
    /// the same or more.
    func tell(_ assignments: String...) {
        let text = Array(assignments.joined(separator: "\n").utf8)
        withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(descriptor, text, text.count, Self.flags, address, addressLength)
            }
        }
    }

    #if os(Linux)
        private static var flags: Int32 { Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL) }
    #else
        private static var flags: Int32 { MSG_DONTWAIT }
    #endif
}
