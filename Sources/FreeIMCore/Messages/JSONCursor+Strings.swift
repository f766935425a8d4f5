/// A string in JSON text, not yet copied: where it stands, without its quotes.
struct JSONString {
    var range: Range<Int>
    /// At least the number of bytes of the text that is meant.
    var capacity: Int
    var hasEscapes: Bool
    /// True where all bytes of ``range`` are known to be ASCII.
    var isASCII: Bool
}

extension JSONCursor {
    /// Eight bytes, each 1.
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    /// Eight bytes, of each the highest bit.
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// The string whose opening quote, one of Json.NET's two, is at the cursor. Escapes are checked here.
    mutating func scanString() throws(EnvelopeError) -> JSONString {
        guard let quote = next else { throw malformed("a string is expected") }
        position += 1
        let start = position
        var saved = 0
        var seen: UInt64 = 0
        while true {
            seen |= skipPlainText(until: quote)
            guard let byte = next else { throw malformed("a string does not end") }
            if byte == quote { break }
            saved += try skipEscape()
        }
        let range = start..<position
        position += 1
        return JSONString(
            range: range, capacity: range.count - saved, hasEscapes: saved > 0, isASCII: seen & Self.highBits == 0)
    }

    /// Moves to the next `quote` or `\`, or to the end. The result has a high bit set where a byte beyond ASCII was
    /// passed (it may have one where none was).
    private mutating func skipPlainText(until quote: UInt8) -> UInt64 {
        let quotes = Self.ones &* UInt64(quote)
        let backslashes = Self.ones &* UInt64(UInt8(ascii: "\\"))
        var seen: UInt64 = 0
        // A byte of x is zero where the lowest set bit of (x - ones) & ~x & highBits says so.
        while bytes.count - position >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            seen |= word
            let atQuote = word ^ quotes
            let atBackslash = word ^ backslashes
            let found = ((atQuote &- Self.ones) & ~atQuote | (atBackslash &- Self.ones) & ~atBackslash) & Self.highBits
            if found != 0 {
                position += found.trailingZeroBitCount / 8
                return seen
            }
            position += 8
        }
        while position < bytes.count {
            let byte = bytes[position]
            if byte == quote || byte == UInt8(ascii: "\\") { return seen }
            seen |= UInt64(byte)
            position += 1
        }
        return seen
    }

    /// Passes the escape at the cursor. Returns by how many bytes at least the character is shorter than its escape.
    private mutating func skipEscape() throws(EnvelopeError) -> Int {
        position += 1
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "'"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 1
            return 1
        case UInt8(ascii: "u"):
            position += 1
            for _ in 0..<4 {
                guard let byte = next, Self.hexadecimal(byte) != nil else {
                    throw malformed("\\u needs four hexadecimal digits")
                }
                position += 1
            }
            // A code unit needs at most three bytes of UTF-8, half a surrogate pair two.
            return 3
        default:
            throw malformed("unknown escape in a string")
        }
    }

    static func hexadecimal(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// True where the string is UTF-8. Escapes are ASCII and stand for whole characters, so what they mean is, too.
    func isUTF8(_ string: JSONString) -> Bool {
        string.isASCII || UTF8Check.isValid(UnsafeRawBufferPointer(rebasing: bytes[string.range]))
    }

    func text(_ string: JSONString) throws(EnvelopeError) -> String {
        guard isUTF8(string) else {
            throw EnvelopeError(.invalidText, "a text is not UTF-8", at: string.range.lowerBound)
        }
        if !string.hasEscapes { return String(decoding: bytes[string.range], as: UTF8.self) }
        return String(unsafeUninitializedCapacity: string.capacity) { text in
            unescape(string, into: UnsafeMutableRawBufferPointer(text))
        }
    }

    /// Writes what `string` means, and returns the number of bytes.
    ///
    /// - Parameter output: at least ``JSONString/capacity`` bytes.
    func unescape(_ string: JSONString, into output: UnsafeMutableRawBufferPointer) -> Int {
        precondition(output.count >= string.capacity)
        let end = string.range.upperBound
        var from = string.range.lowerBound
        var to = 0
        while from < end {
            // Eight bytes at once: both sides have the room, and what is copied too much is overwritten.
            while end - from >= 8, output.count - to >= 8 {
                let word = bytes.loadUnaligned(fromByteOffset: from, as: UInt64.self)
                output.storeBytes(of: word, toByteOffset: to, as: UInt64.self)
                let marked = UInt64(littleEndian: word) ^ (Self.ones &* UInt64(UInt8(ascii: "\\")))
                let found = (marked &- Self.ones) & ~marked & Self.highBits
                let plain = found == 0 ? 8 : found.trailingZeroBitCount / 8
                from += plain
                to += plain
                if found != 0 { break }
            }
            guard from < end else { break }
            if bytes[from] == UInt8(ascii: "\\") {
                writeEscaped(at: &from, into: output, at: &to)
            } else {
                output[to] = bytes[from]
                from += 1
                to += 1
            }
        }
        return to
    }

    /// The escape at `from` was checked by ``scanString()``, which also counted its bytes for the capacity.
    private func writeEscaped(at from: inout Int, into output: UnsafeMutableRawBufferPointer, at to: inout Int) {
        let kind = bytes[from + 1]
        guard kind == UInt8(ascii: "u") else {
            output[to] = Self.unescaped(kind)
            from += 2
            to += 1
            return
        }
        let unit = codeUnit(at: from + 2)
        from += 6
        var scalar = UnicodeScalar(unit) ?? "\u{FFFD}"
        if unit & 0xFC00 == 0xD800, from + 6 <= bytes.count, bytes[from] == UInt8(ascii: "\\"),
            bytes[from + 1] == UInt8(ascii: "u")
        {
            let low = codeUnit(at: from + 2)
            if low & 0xFC00 == 0xDC00 {
                scalar = UnicodeScalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF) ?? "\u{FFFD}"
                from += 6
            }
        }
        for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            output[to] = byte
            to += 1
        }
    }

    private func codeUnit(at offset: Int) -> UInt32 {
        var unit: UInt32 = 0
        for byte in bytes[offset..<offset + 4] { unit = unit << 4 | (Self.hexadecimal(byte) ?? 0) }
        return unit
    }

    private static func unescaped(_ kind: UInt8) -> UInt8 {
        switch kind {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: kind
        }
    }
}
