import CZlib
package import NIOCore

/// Why a message cannot be inflated.
package enum InflateError: Error {
    /// The bytes are not what deflate makes, or end too early, or refer to messages before.
    case invalid
    /// More than the limit comes of them.
    case tooLong
    /// Whoever takes the pieces has refused one.
    case refused
    case outOfMemory
}

/// Inflates messages one by one, none with a look at those before it (RFC 7692 §7.2.2). Not thread-safe. About 60 KiB, from
/// the first message on.
package final class Inflater {
    private var state: State?

    package init() {}

    /// Inflates a whole message, and gives it piece by piece.
    ///
    /// - Parameters:
    ///   - limit: bytes of the inflated message; at most a piece of 16 KiB is made beyond it.
    ///   - take: gets each piece, which is valid during the call; false ends it.
    package func inflate(
        _ message: ByteBuffer, limit: Int, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) {
        // Nothing at all is not what RFC 7692 §7.2.3.6 makes of an empty message, and cannot be anything else.
        guard message.readableBytes > 0 else { return }
        try readyState().inflate(message, limit, take)
    }

    private func readyState() throws(InflateError) -> State {
        if let state { return state }
        let state = try State()
        self.state = state
        return state
    }
}

/// zlib's state, and room for a piece of what comes of it.
private final class State {
    /// In one place for as long as it lives: zlib points back to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private let piece: UnsafeMutableBufferPointer<UInt8>

    private static let pieceBytes = 16 * 1_024
    /// In `data_type`: between two blocks (zlib.h, inflate).
    private static let isBetweenBlocks: Int32 = 128

    init() throws(InflateError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // The largest window, of 15 bits, takes what was made with any smaller one; negative is zlib's word for raw deflate.
        guard inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            throw .outOfMemory
        }
        self.stream = stream
        piece = .allocate(capacity: Self.pieceBytes)
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        piece.deallocate()
    }

    func inflate(
        _ message: ByteBuffer, _ limit: Int, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) {
        guard inflateReset(stream) == Z_OK else { throw .invalid }
        var room = limit
        for part in [message, ByteBuffer(bytes: FlushMarker.bytes)] {
            let outcome = part.withUnsafeReadableBytes { bytes in
                Result { () throws(InflateError) in try feed(bytes, &room, take) }
            }
            try outcome.get()
        }
        // What was begun has come to its end.
        guard stream.pointee.data_type & Self.isBetweenBlocks != 0 else { throw .invalid }
    }

    private func feed(
        _ bytes: UnsafeRawBufferPointer, _ room: inout Int, _ take: (UnsafeRawBufferPointer) -> Bool
    ) throws(InflateError) {
        guard let count = UInt32(exactly: bytes.count) else { throw .tooLong }
        stream.pointee.next_in = bytes.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_in = count
        while true {
            stream.pointee.next_out = piece.baseAddress
            stream.pointee.avail_out = UInt32(Self.pieceBytes)
            let status = CZlib.inflate(stream, Z_SYNC_FLUSH)
            switch status {
            // Z_BUF_ERROR: nothing more can be done with what there is, which is no error.
            case Z_OK, Z_STREAM_END, Z_BUF_ERROR: break
            case Z_MEM_ERROR: throw .outOfMemory
            default: throw .invalid
            }
            let size = Self.pieceBytes - Int(stream.pointee.avail_out)
            guard size <= room else { throw .tooLong }
            room -= size
            if size > 0, !take(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(piece)[..<size])) {
                throw .refused
            }
            if status == Z_STREAM_END {
                // RFC 7692 §7.2.3.4: behind a block that says it is the last one there may be others.
                guard inflateReset(stream) == Z_OK else { throw .invalid }
                if stream.pointee.avail_in == 0 { return }
            } else if stream.pointee.avail_out > 0 {
                return
            }
        }
    }
}
