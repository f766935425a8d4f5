import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
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

    #if os(Linux)
        private static var flags: Int32 { Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL) }
    #endif
}
