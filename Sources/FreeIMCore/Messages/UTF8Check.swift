/// Whether bytes are UTF-8, as RFC 6455 §8.1 asks of a text frame.
enum UTF8Check {
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var position = 0
        while position < bytes.count {
            if bytes.count - position >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                if word & 0x8080_8080_8080_8080 == 0 {
                    position += 8
                    continue
                }
            }
            let length = sequenceLength(bytes, at: position)
            if length == 0 { return false }
            position += length
        }
        return true
    }

    /// The bytes of the well-formed sequence (Unicode, table 3-7) that begins at `position`; 0 where there is none.
    private static func sequenceLength(_ bytes: UnsafeRawBufferPointer, at position: Int) -> Int {
        let length: Int
        let second: ClosedRange<UInt8>
        switch bytes[position] {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard bytes.count - position >= length, second.contains(bytes[position + 1]) else { return 0 }
        for offset in position + 2..<position + max(2, length) where bytes[offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
