import NIOCore

/// The frames that a server sends: whole, unmasked (RFC 6455 §5.1, §5.2).
enum Frame {
    enum Opcode: UInt8 {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        /// RFC 6455 §5.5
        var isControl: Bool { rawValue & 0x8 != 0 }
    }

    /// RFC 6455 §5.5: a control frame carries at most 125 bytes.
    static let maximumControlPayload = 125
    /// Two bytes and a length of eight.
    static let maximumHeaderBytes = 10

    /// Appends one frame.
    static func append(_ opcode: Opcode, _ payload: ByteBuffer, to buffer: inout ByteBuffer) {
        let length = payload.readableBytes
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumHeaderBytes + length) { target in
            let start = putHeader(0x80 | opcode.rawValue, length: length, target)
            payload.withUnsafeReadableBytes {
                UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: $0)
            }
            return start + length
        }
    }

    /// Appends what goes in front of a payload of `length` bytes.
    static func appendHeader(_ first: UInt8, length: Int, to buffer: inout ByteBuffer) {
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: maximumHeaderBytes) {
            putHeader(first, length: length, $0)
        }
    }

    /// RFC 6455 §5.2: 7 bits of length, or 126 and 16 bits, or 127 and 64 bits; the shortest form. Returns its bytes.
    ///
    /// - Parameter target: at least ``maximumHeaderBytes``.
    private static func putHeader(_ first: UInt8, length: Int, _ target: UnsafeMutableRawBufferPointer) -> Int {
        target[0] = first
        if length < 126 {
            target[1] = UInt8(length)
            return 2
        }
        if length <= Int(UInt16.max) {
            target[1] = 126
            target.storeBytes(of: UInt16(length).bigEndian, toByteOffset: 2, as: UInt16.self)
            return 4
        }
        target[1] = 127
        target.storeBytes(of: UInt64(length).bigEndian, toByteOffset: 2, as: UInt64.self)
        return maximumHeaderBytes
    }

    /// One frame in a buffer of its own.
    static func make(_ opcode: Opcode, _ payload: ByteBuffer, allocator: ByteBufferAllocator) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: payload.readableBytes + maximumHeaderBytes)
        append(opcode, payload, to: &buffer)
        return buffer
    }

    /// A close frame. The reason is cut at a character's boundary to what fits (RFC 6455 §5.5.1); without a code the
    /// frame is empty.
    static func close(_ code: CloseCode?, reason: String, allocator: ByteBufferAllocator) -> ByteBuffer {
        var payload = allocator.buffer(capacity: maximumControlPayload)
        if let code {
            payload.writeInteger(code.rawValue)
            var room = maximumControlPayload - 2
            for character in reason {
                let bytes = character.utf8.count
                guard bytes <= room else { break }
                payload.writeString(String(character))
                room -= bytes
            }
        }
        return make(.close, payload, allocator: allocator)
    }
}
