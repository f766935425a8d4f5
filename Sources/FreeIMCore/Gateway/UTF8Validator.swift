/// Checks UTF-8 (RFC 3629 §4) piece by piece, and knows at each byte whether the text can still be valid.
struct UTF8Validator {
    /// Continuation bytes that the current character still needs: 0 to 3.
    private var missing: UInt8 = 0
    /// The range of the next continuation byte; narrower than 0x80...0xBF after E0, ED, F0 and F4, which is how
    /// overlong forms, surrogates and values above U+10FFFF are refused.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// True where no character is cut off.
    var isComplete: Bool { missing == 0 }

    /// False where the bytes so far cannot become valid by any continuation.
    mutating func validate(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        let count = bytes.count
        while index < count {
            if missing == 0 {
                index = Self.endOfASCII(bytes, from: index)
                guard index < count else { return true }
            }
            guard accept(bytes[index]) else { return false }
            index += 1
        }
        return true
    }

    /// Eight bytes at a time, then one by one.
    private static func endOfASCII(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard word & 0x8080_8080_8080_8080 == 0 else { break }
            index += 8
        }
        while index < bytes.count, bytes[index] < 0x80 { index += 1 }
        return index
    }

    private mutating func accept(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard byte >= lowest, byte <= highest else { return false }
            missing -= 1
            (lowest, highest) = (0x80, 0xBF)
            return true
        }
        switch byte {
        case 0x00...0x7F: break
        case 0xC2...0xDF: missing = 1
        case 0xE0: (missing, lowest) = (2, 0xA0)
        case 0xED: (missing, highest) = (2, 0x9F)
        case 0xE1...0xEF: missing = 2
        case 0xF0: (missing, lowest) = (3, 0x90)
        case 0xF4: (missing, highest) = (3, 0x8F)
        case 0xF1...0xF3: missing = 3
        default: return false
        }
        return true
    }
}
