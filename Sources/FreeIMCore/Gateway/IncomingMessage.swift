import Deflate
import NIOCore

/// The message whose frames are coming in.
struct IncomingMessage {
    /// nil between messages.
    var opcode: Frame.Opcode?
    /// Its bytes are kept as they come, and inflated when they are complete: nothing else is kept between frames.
    var isCompressed = false
    /// Bytes announced by the frames so far.
    var size = 0
    /// The unmasked bytes so far, where they are kept.
    private(set) var bytes: ByteBuffer?
    private var validator = UTF8Validator()

    /// True where no character is cut off; always true for binary and compressed messages.
    var isCompleteText: Bool { validator.isComplete }

    /// Unmasks and checks a piece of the payload. False where a text cannot be valid any more.
    mutating func append(_ masked: ByteBuffer, _ masking: inout Masking, keep: Bool) -> Bool {
        if keep || isCompressed { return appendKeeping(masked, &masking) }
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
        guard opcode == .text, !isCompressed else { return true }
        return kept.withUnsafeReadableBytes { all in
            validator.validate(UnsafeRawBufferPointer(rebasing: all[(start - kept.readerIndex)...]))
        }
    }

    /// The message as it was before it was compressed, its text checked; empty where messages are not kept.
    func inflated(
        by codec: DeflateCodec, _ limits: ConnectionState.Limits
    ) throws(ConnectionState.Violation) -> ByteBuffer {
        var validator = UTF8Validator()
        var whole = ByteBuffer()
        do throws(InflateError) {
            try codec.inflate(bytes ?? ByteBuffer(), limit: limits.messageBytes) { piece in
                if opcode == .text, !validator.validate(piece) { return false }
                if limits.keepsMessages { whole.writeBytes(piece) }
                return true
            }
        } catch {
            switch error {
            case .invalid: throw ConnectionState.Violation(code: .invalidData, reason: "compressed bytes are damaged")
            case .tooLong: throw .tooBig("message longer than \(limits.messageBytes) bytes when inflated")
            case .refused: throw .notUTF8
            case .outOfMemory: throw ConnectionState.Violation(code: .internalError, reason: "no memory to inflate")
            }
        }
        guard validator.isComplete else { throw .notUTF8 }
        return whole
    }
}
