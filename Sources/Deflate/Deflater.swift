import CZlib
package import NIOCore

/// Compresses messages one by one, none with a look at those before it (RFC 7692 §7.2.1 with "no context takeover").
/// Not thread-safe. About 260 KiB with the largest window.
package final class Deflater {
    /// In one place for as long as it lives: zlib's state points back to it.
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameters:
    ///   - level: from 1, fast, to 9, small.
    ///   - window: the bits of the longest distance to which the compressed bytes refer, 9 to 15. The format's smallest, of
    ///     8, zlib cannot keep to.
    /// - Returns: nil for another window, and where memory is short.
    package init?(level: Int, window: UInt8) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // A negative number of bits is zlib's word for raw deflate; 8 is its default for the memory of the rest.
        let status = deflateInit2_(
            stream, Int32(clamping: level), Z_DEFLATED, -Int32(window), 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else {
            stream.deallocate()
            return nil
        }
        // Only now: an object that is complete would be deinitialised when its making fails.
        self.stream = stream
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Appends the compressed message, without the four bytes that RFC 7692 §7.2.1 leaves out. Returns how many bytes it
    /// has; nil, and nothing is appended, where that would not be fewer than the message has.
    package func deflate(_ message: UnsafeRawBufferPointer, to buffer: inout ByteBuffer) -> Int? {
        guard let count = UInt32(exactly: message.count), count > 0, deflateReset(stream) == Z_OK else { return nil }
        let room = message.count + FlushMarker.bytes.count
        let start = buffer.writerIndex
        let written = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
            stream.pointee.next_in = message.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_in = count
            stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress
            stream.pointee.avail_out = UInt32(clamping: room)
            let status = CZlib.deflate(stream, Z_SYNC_FLUSH)
            // Room that is left says that zlib has written all that it had.
            guard status == Z_OK, stream.pointee.avail_in == 0, stream.pointee.avail_out > 0 else { return 0 }
            return room - Int(stream.pointee.avail_out)
        }
        let size = written - FlushMarker.bytes.count
        guard size > 0, size < message.count else {
            buffer.moveWriterIndex(to: start)
            return nil
        }
        buffer.moveWriterIndex(to: start + size)
        return size
    }
}

/// What each message ends with before it is sent, and is given back before it is inflated (RFC 7692 §7.2.1): an empty
/// block that is not compressed.
enum FlushMarker {
    static let bytes: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
}
