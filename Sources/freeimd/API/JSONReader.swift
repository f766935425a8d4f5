import NIOCore

/// Finds values in JSON text without changing a byte of them.
///
/// Strict: what passes is JSON by RFC 8259's grammar, so every parser takes it. Foundation's parsers let trailing
/// commas, UTF-16 and more pass, which would go on to terminals as it stands.
struct JSONReader {
    /// Nesting beyond which a text is refused; recursion costs stack.
    static let maximumDepth = 128

    private let bytes: ByteBufferView
    private var position: Int

    /// - Parameter text: valid UTF-8.
    init(_ text: ByteBuffer) {
        bytes = text.readableBytesView
        position = bytes.startIndex
    }

    // MARK: Documents

    /// The members of the object that the text consists of, in order, names as they stand in quotes.
    mutating func object() throws(APIFault) -> [(name: Range<Int>, value: Range<Int>)] {
        skipBlanks()
        guard peek == UInt8(ascii: "{") else { throw fault("an object is expected") }
        var members: [(name: Range<Int>, value: Range<Int>)] = []
        try readObject(depth: 1) { members.append(($0, $1)) }
        try end()
        return members
    }

    /// The elements of the array that the text consists of; nil where it is no array.
    mutating func array() throws(APIFault) -> [Range<Int>]? {
        skipBlanks()
        guard peek == UInt8(ascii: "[") else { return nil }
        var elements: [Range<Int>] = []
        try readArray(depth: 1) { elements.append($0) }
        try end()
        return elements
    }

    private mutating func end() throws(APIFault) {
        skipBlanks()
        if peek != nil { throw fault("the end is expected") }
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(APIFault) -> Range<Int> {
        guard depth <= Self.maximumDepth else { throw fault("at most \(Self.maximumDepth) levels are allowed") }
        guard let first = peek else { throw fault("a value is expected") }
        let start = position
        switch first {
        case UInt8(ascii: "{"): try readObject(depth: depth) { _, _ in }
        case UInt8(ascii: "["): try readArray(depth: depth) { _ in }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: throw fault("a value is expected")
        }
        return start..<position
    }

    private mutating func readObject(
        depth: Int, _ member: (Range<Int>, Range<Int>) -> Void
    ) throws(APIFault) {
        try read("{")
        skipBlanks()
        if skip("}") { return }
        repeat {
            skipBlanks()
            guard peek == UInt8(ascii: "\"") else { throw fault("a member's name is expected") }
            let name = try string()
            skipBlanks()
            try read(":")
            skipBlanks()
            member(name, try value(depth: depth + 1))
            skipBlanks()
        } while skip(",")
        try read("}")
    }

    private mutating func readArray(depth: Int, _ element: (Range<Int>) -> Void) throws(APIFault) {
        try read("[")
        skipBlanks()
        if skip("]") { return }
        repeat {
            skipBlanks()
            element(try value(depth: depth + 1))
            skipBlanks()
        } while skip(",")
        try read("]")
    }

    private mutating func string() throws(APIFault) -> Range<Int> {
        let start = position
        try read("\"")
        while let byte = peek {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return start..<position
            case UInt8(ascii: "\\"):
                position += 1
                try escape()
            case 0..<0x20:
                throw fault("control characters must be escaped")
            default:
                position += 1
            }
        }
        throw fault("the string has no end")
    }

    private mutating func escape() throws(APIFault) {
        guard let byte = peek, #""\/bfnrtu"#.utf8.contains(byte) else { throw fault("an escape is expected") }
        position += 1
        guard byte == UInt8(ascii: "u") else { return }
        for _ in 0..<4 {
            guard let digit = peek, Character(UnicodeScalar(digit)).isHexDigit else {
                throw fault("four hexadecimal digits are expected")
            }
            position += 1
        }
    }

    private mutating func number() throws(APIFault) {
        _ = skip("-")
        if !skip("0") { try digits() }
        if skip(".") { try digits() }
        if skip("e") || skip("E") {
            if !skip("+") { _ = skip("-") }
            try digits()
        }
    }

    private mutating func digits() throws(APIFault) {
        guard isDigit else { throw fault("a digit is expected") }
        while isDigit { position += 1 }
    }

    private mutating func word(_ word: StaticString) throws(APIFault) {
        let matches = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard matches else { throw fault("'\(word)' is expected") }
        position += word.utf8CodeUnitCount
    }

    // MARK: Bytes

    private var peek: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

    private var isDigit: Bool { peek.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ?? false }

    private mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func read(_ character: Unicode.Scalar) throws(APIFault) {
        guard skip(character) else { throw fault("'\(character)' is expected") }
    }

    private func fault(_ expectation: String) -> APIFault {
        .invalidJSON("the body is not JSON: \(expectation) at byte \(position - bytes.startIndex + 1)")
    }
}
