/// Reads JSON as leniently as Json.NET's `JsonTextReader` with its default settings, which is what FreeIM reads with.
///
/// Beyond RFC 8259 that takes comments, single quotes, unquoted names, trailing commas, `NaN` and `undefined`,
/// hexadecimal and octal integers, raw control characters in strings, and NUL as white space. Reading is linear in the
/// number of bytes, and allocates nothing but the texts that are asked for.
struct JSONCursor {
    /// Json.NET's `MaxDepth`; reading deeper is an error.
    static let maximumDepth = 64

    let bytes: UnsafeRawBufferPointer
    /// Never beyond `bytes.count`; whoever reads `bytes` compares first.
    var position: Int

    init(_ bytes: UnsafeRawBufferPointer, at position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    /// The byte to be read next; nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    func malformed(_ message: String) -> EnvelopeError {
        EnvelopeError(.malformed, message, at: position)
    }

    // MARK: White space

    /// `char.IsWhiteSpace` of .NET, and NUL, which Json.NET passes over.
    mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x00, 0x09...0x0D, 0x20: position += 1
            case 0x80...:
                let length = wideSpaceLength
                if length == 0 { return }
                position += length
            default: return
            }
        }
    }

    /// White space and comments.
    @inline(__always)
    mutating func skipTrivia() throws(EnvelopeError) {
        // What an `ImHelper` writes has none.
        if let next, next > 0x20, next < 0x80, next != UInt8(ascii: "/") { return }
        try passTrivia()
    }

    private mutating func passTrivia() throws(EnvelopeError) {
        skipSpace()
        while next == UInt8(ascii: "/") {
            try skipComment()
            skipSpace()
        }
    }

    /// The bytes of the white space beyond ASCII at the cursor; 0 where there is none.
    var wideSpaceLength: Int {
        guard bytes.count - position >= 2 else { return 0 }
        let lead = bytes[position]
        let second = bytes[position + 1]
        if lead == 0xC2 { return second == 0x85 || second == 0xA0 ? 2 : 0 }
        guard bytes.count - position >= 3 else { return 0 }
        switch (lead, second, bytes[position + 2]) {
        // U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000.
        case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8...0xA9), (0xE2, 0x80, 0xAF),
            (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
            return 3
        default: return 0
        }
    }

    private mutating func skipComment() throws(EnvelopeError) {
        position += 1
        let kind = next
        position = min(position + 1, bytes.count)
        switch kind {
        case UInt8(ascii: "/"):
            while let byte = next, byte != 0x0A, byte != 0x0D { position += 1 }
        case UInt8(ascii: "*"):
            var previous: UInt8 = 0
            while let byte = next {
                position += 1
                if previous == UInt8(ascii: "*"), byte == UInt8(ascii: "/") { return }
                previous = byte
            }
            throw malformed("a comment does not end")
        default:
            throw malformed("'/' does not begin a comment")
        }
    }

    // MARK: Objects

    mutating func enterObject() throws(EnvelopeError) {
        try skipTrivia()
        guard next == UInt8(ascii: "{") else { throw malformed("an object is expected") }
        position += 1
    }

    /// The name of the object's next member, the cursor before its value; nil behind the object's end.
    ///
    /// - Parameter isFirst: true for the first call in an object, which sets it.
    mutating func nextMember(_ isFirst: inout Bool) throws(EnvelopeError) -> JSONString? {
        try skipTrivia()
        if isFirst {
            isFirst = false
        } else if next == UInt8(ascii: ",") {
            position += 1
            try skipTrivia()
        } else if next != UInt8(ascii: "}") {
            throw malformed("',' or '}' is expected")
        }
        if next == UInt8(ascii: "}") {
            position += 1
            return nil
        }
        return try readName()
    }

    /// A member's name and the colon.
    mutating func readName() throws(EnvelopeError) -> JSONString {
        if let name = readItemName() { return name }
        let name: JSONString
        switch next {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): name = try scanString()
        default: name = try scanUnquotedName()
        }
        skipSpace()
        guard next == UInt8(ascii: ":") else { throw malformed("':' is expected") }
        position += 1
        return name
    }

    /// `"Item1":` to `"Item9":`, written so, in one comparison.
    private mutating func readItemName() -> JSONString? {
        guard bytes.count - position >= 8 else { return nil }
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        let number = UInt8(truncatingIfNeeded: word >> Self.itemNumberShift)
        guard word & ~(0xFF << Self.itemNumberShift) == Self.itemName, 0x31...0x39 ~= number else { return nil }
        let start = position + 1
        position += 8
        return JSONString(range: start..<start + 5, capacity: 5, hasEscapes: false, isASCII: true)
    }

    /// `"Item`, a byte that is 0, `":`, the first byte lowest.
    private static let itemName: UInt64 = 0x3A22_006D_6574_4922
    private static let itemNumberShift: UInt64 = 40

    private mutating func scanUnquotedName() throws(EnvelopeError) -> JSONString {
        let start = position
        while let byte = next, Self.isNameByte(byte), byte < 0x80 || wideSpaceLength == 0 { position += 1 }
        guard position > start else { throw malformed("a member's name is expected") }
        return JSONString(range: start..<position, capacity: position - start, hasEscapes: false, isASCII: false)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), 0x80...:
            true
        default: false
        }
    }

    /// Nothing but white space and comments may follow.
    mutating func finish() throws(EnvelopeError) {
        try skipTrivia()
        guard position == bytes.count else { throw malformed("text follows the object") }
    }
}
