import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A connection's socket, for writing to it past its channel. Only on the connection's event loop, and only between its
/// channel's becoming active and inactive: later the number may be another socket's.
package struct SocketHandle: Sendable, Equatable {
    let descriptor: Int32

    package init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Sends without waiting (send(2)). Returns how many bytes the kernel took: fewer than there are, or none, where the
    /// socket is full or broken; what is left is the channel's to write, and an error its to find.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, Self.flags))
        #elseif canImport(Musl)
            max(0, Musl.send(descriptor, bytes.baseAddress, bytes.count, Self.flags))
        #else
            0
        #endif
    }

    /// A piece of what is sent in one call.
    typealias Part = iovec

    /// As ``send(_:)``, of several pieces one after the other (sendmsg(2)); at most IOV_MAX of them.
    func send(_ parts: UnsafeBufferPointer<Part>) -> Int {
        #if os(Linux)
            var message = msghdr()
            message.msg_iov = UnsafeMutablePointer(mutating: parts.baseAddress)
            message.msg_iovlen = .init(parts.count)
            return max(0, sendmsg(descriptor, &message, Self.flags))
        #else
            return 0
        #endif
    }

    /// - Parameter bytes: have to stay where they are until they are sent; they are only read.
    static func part(_ bytes: UnsafeRawBufferPointer) -> Part {
        Part(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }

    #if os(Linux)
        private static var flags: Int32 { Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL) }
    #endif
}
