import NIOCore

/// A character that Json.NET escapes by default: controls, `"`, `\`, U+0085, U+2028, U+2029.
private struct Escape {
    /// The bytes of the character.
    var width: Int
    /// What follows the backslash; `u` for the long form.
    var letter: UInt8
    var code: UInt16

    /// The bytes of the escape.
    var length: Int { letter == UInt8(ascii: "u") ? 6 : 2 }

    /// nil where the character at `offset` is written as it is.
    init?(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        let byte = bytes[offset]
        (width, code) = (1, UInt16(byte))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): letter = byte
        case 0x08: letter = UInt8(ascii: "b")
        case 0x09: letter = UInt8(ascii: "t")
        case 0x0A: letter = UInt8(ascii: "n")
        case 0x0C: letter = UInt8(ascii: "f")
        case 0x0D: letter = UInt8(ascii: "r")
        case 0x00..<0x20: letter = UInt8(ascii: "u")
        case 0xC2 where bytes.count - offset >= 2 && bytes[offset + 1] == 0x85:
            (width, letter, code) = (2, UInt8(ascii: "u"), 0x85)
        case 0xE2 where bytes.count - offset >= 3 && bytes[offset + 1] == 0x80 && bytes[offset + 2] & 0xFE == 0xA8:
            (width, letter, code) = (3, UInt8(ascii: "u"), 0x2000 | UInt16(bytes[offset + 2] & 0x7F))
        default: return nil
        }
    }
}

extension JSONText {
    /// Writes `bytes` as a JSON string.
    static func write(quoted bytes: UnsafeRawBufferPointer, into text: inout ByteBuffer) {
        let length = escapedLength(bytes) + 2
        text.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { output in
            output[0] = UInt8(ascii: "\"")
            let end = escape(bytes, into: output, at: 1)
            output[end] = UInt8(ascii: "\"")
            return end + 1
        }
    }

    private static func escapedLength(_ bytes: UnsafeRawBufferPointer) -> Int {
        var length = bytes.count
        var offset = nextCandidate(bytes, from: 0)
        while offset < bytes.count {
            let escape = Escape(bytes, at: offset)
            if let escape { length += escape.length - escape.width }
            offset = nextCandidate(bytes, from: offset + (escape?.width ?? 1))
        }
        return length
    }

    /// - Parameter output: has room for ``escapedLength(_:)`` bytes from `start` on, and for the closing quote.
    /// - Returns: where the escaped text ends.
    private static func escape(
        _ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, at start: Int
    ) -> Int {
        var from = 0
        var to = start
        while from < bytes.count {
            let candidate = nextCandidate(bytes, from: from)
            let escape = candidate < bytes.count ? Escape(bytes, at: candidate) : nil
            // A candidate that needs no escape is copied with the text before it.
            let plain = from..<(escape == nil ? min(candidate + 1, bytes.count) : candidate)
            UnsafeMutableRawBufferPointer(rebasing: output[to...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[plain]))
            to += plain.count
            from = plain.upperBound
            guard let escape else { continue }
            from += escape.width
            output[to] = UInt8(ascii: "\\")
            output[to + 1] = escape.letter
            if escape.length == 6 {
                for digit in 0..<4 {
                    output[to + 2 + digit] = hexadecimal(escape.code >> (12 - 4 * UInt16(digit)) & 0xF)
                }
            }
            to += escape.length
        }
        return to
    }

    private static func hexadecimal(_ digit: UInt16) -> UInt8 {
        UInt8(truncatingIfNeeded: digit) + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }

    /// Where the next byte is that may begin an escaped character; `bytes.count` where there is none.
    private static func nextCandidate(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var offset = start
        while bytes.count - offset >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            // In each term the lowest set bit is right: a byte below 0x20, or one of the four.
            var found = (word &- ones &* 0x20) & ~word
            found |= zeros(word ^ ones &* UInt64(UInt8(ascii: "\"")))
            found |= zeros(word ^ ones &* UInt64(UInt8(ascii: "\\")))
            found |= zeros(word ^ ones &* 0xC2)
            found |= zeros(word ^ ones &* 0xE2)
            found &= ones &* 0x80
            if found != 0 { return offset + found.trailingZeroBitCount / 8 }
            offset += 8
        }
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x00..<0x20, UInt8(ascii: "\""), UInt8(ascii: "\\"), 0xC2, 0xE2: return offset
            default: offset += 1
            }
        }
        return offset
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101

    private static func zeros(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }
}
