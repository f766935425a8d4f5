import NIOCore

/// The header of a frame that a terminal sent (RFC 6455 §5.2).
struct FrameHeader {
    let isFinal: Bool
    /// RFC 7692 §6: the message that begins with this frame is compressed.
    let isCompressed: Bool
    let opcode: Frame.Opcode
    /// Bytes of payload.
    let length: Int
    /// The four bytes as a big-endian integer.
    let maskingKey: UInt32
    /// Bytes of the header itself.
    let headerBytes: Int

    /// nil where `buffer` does not hold the whole header yet; what is there is checked all the same.
    ///
    /// - Parameter mayCompress: whether permessage-deflate was agreed on, which gives the first reserved bit its meaning.
    init?(peeking buffer: ByteBuffer, mayCompress: Bool = false) throws(ConnectionState.Violation) {
        let start = buffer.readerIndex
        guard let first = buffer.getInteger(at: start, as: UInt8.self) else { return nil }
        // No other extension was negotiated (RFC 6455 §5.2).
        guard first & (mayCompress ? 0x30 : 0x70) == 0 else { throw .breach("reserved bit set") }
        guard let opcode = Frame.Opcode(rawValue: first & 0x0F) else {
            throw .breach("reserved opcode \(first & 0x0F)")
        }
        let isFinal = first & 0x80 != 0
        let isCompressed = first & 0x40 != 0
        // RFC 7692 §6.1
        guard !isCompressed || opcode == .text || opcode == .binary else {
            throw .breach("compression bit on a frame that begins no message")
        }
        // RFC 6455 §5.5
        guard isFinal || !opcode.isControl else { throw .breach("fragmented control frame") }
        guard let second = buffer.getInteger(at: start + 1, as: UInt8.self) else { return nil }
        guard second & 0x80 != 0 else { throw .breach("frame without a mask") }
        let short = Int(second & 0x7F)
        guard short <= Frame.maximumControlPayload || !opcode.isControl else {
            throw .breach("control frame longer than \(Frame.maximumControlPayload) bytes")
        }
        var length = short
        var headerBytes = 2
        if short == 126 {
            guard let value = buffer.getInteger(at: start + 2, as: UInt16.self) else { return nil }
            guard value > 125 else { throw .breach("length not in its shortest form") }
            (length, headerBytes) = (Int(value), 4)
        } else if short == 127 {
            guard let value = buffer.getInteger(at: start + 2, as: UInt64.self) else { return nil }
            guard value > UInt64(UInt16.max), value <= UInt64(Int64.max) else {
                throw .breach("length not in its shortest form, or with the first bit set")
            }
            (length, headerBytes) = (Int(value), 10)
        }
        guard let key = buffer.getInteger(at: start + headerBytes, as: UInt32.self) else { return nil }
        self.isFinal = isFinal
        self.isCompressed = isCompressed
        self.opcode = opcode
        self.length = length
        self.maskingKey = key
        self.headerBytes = headerBytes + 4
    }
}
