import NIOCore

/// The frames of a buffer that this side has made, one after the other.
struct ServerFrames: Sequence, IteratorProtocol {
    private var rest: ByteBuffer

    /// - Parameter frames: whole ones.
    init(_ frames: ByteBuffer) {
        rest = frames
    }

    mutating func next() -> ByteBuffer? {
        guard let second: UInt8 = rest.getInteger(at: rest.readerIndex + 1) else { return nil }
        // RFC 6455 §5.2
        let length: Int? =
            switch second {
            case 126: (rest.getInteger(at: rest.readerIndex + 2) as UInt16?).map { Int($0) + 4 }
            case 127:
                (rest.getInteger(at: rest.readerIndex + 2) as UInt64?).flatMap { Int(exactly: $0) }.map { $0 + 10 }
            default: Int(second) + 2
            }
        return length.flatMap { rest.readSlice(length: $0) }
    }

    /// The opcode of the first frame; nil where there is none.
    static func opcode(of frames: ByteBuffer) -> Frame.Opcode? {
        (frames.getInteger(at: frames.readerIndex) as UInt8?).flatMap { Frame.Opcode(rawValue: $0 & 0x0F) }
    }
}

extension ByteBuffer {
    /// The same bytes, copied where they are a small part of their memory; see ``Frames/standingAlone(_:from:)``.
    func standingAlone() -> ByteBuffer {
        storageCapacity / 4 > readableBytes ? withUnsafeReadableBytes { ByteBuffer(bytes: $0) } : self
    }
}
