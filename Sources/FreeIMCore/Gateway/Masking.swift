/// Unmasking of what terminals send (RFC 6455 §5.3).
struct Masking {
    /// The key, its first byte lowest, repeated to a word.
    private var word: UInt64

    /// `key`: the four bytes in the order of the wire, as a big-endian integer.
    init(key: UInt32) {
        let bytes = UInt64(key.byteSwapped)
        self.word = bytes << 32 | bytes
    }

    /// Unmasks the next bytes of the payload from `source` to `target`, which holds at least as many.
    mutating func unmask(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer) {
        var index = 0
        while index + 8 <= source.count {
            let masked = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            target.storeBytes(of: masked ^ UInt64(littleEndian: word), toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < source.count {
            target[index] = source[index] ^ UInt8(truncatingIfNeeded: word)
            word = word >> 8 | word << 56
            index += 1
        }
    }
}
