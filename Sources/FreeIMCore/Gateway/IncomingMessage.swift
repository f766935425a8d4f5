import NIOCore

/// The message whose frames are coming in.
struct IncomingMessage {
    /// nil between messages.
    var opcode: Frame.Opcode?
    /// Bytes announced by the frames so far.
    var size = 0
    /// The unmasked bytes so far, where they are kept.
    private(set) var bytes: ByteBuffer?
    private var validator = UTF8Validator()

    /// True where no character is cut off; always true for binary messages.
    var isCompleteText: Bool { validator.isComplete }

    /// Unmasks and checks a piece of the payload. False where a text cannot be valid any more.
    mutating func append(_ masked: ByteBuffer, _ masking: inout Masking, keep: Bool) -> Bool {
        if keep { return appendKeeping(masked, &masking) }
        guard opcode == .text else { return true }
        return masked.withUnsafeReadableBytes { source in
            withUnsafeTemporaryAllocation(byteCount: min(source.count, 4_096), alignment: 8) { chunk in
                var rest = source[...]
                while !rest.isEmpty {
                    let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(chunk.count))
                    masking.unmask(piece, to: chunk)
                    guard validator.validate(UnsafeRawBufferPointer(rebasing: chunk[..<piece.count])) else {
                        return false
                    }
                    rest = rest.dropFirst(piece.count)
                }
                return true
            }
        }
    }

    private mutating func appendKeeping(_ masked: ByteBuffer, _ masking: inout Masking) -> Bool {
        var kept = bytes ?? ByteBuffer()
        // Unique while it grows, so that nothing is copied twice.
        bytes = nil
        defer { bytes = kept }
        let start = kept.writerIndex
        kept.writeWithUnsafeMutableBytes(minimumWritableBytes: masked.readableBytes) { target in
            masked.withUnsafeReadableBytes { masking.unmask($0, to: target) }
            return masked.readableBytes
        }
        guard opcode == .text else { return true }
        return kept.withUnsafeReadableBytes { all in
            validator.validate(UnsafeRawBufferPointer(rebasing: all[(start - kept.readerIndex)...]))
        }
    }
}
