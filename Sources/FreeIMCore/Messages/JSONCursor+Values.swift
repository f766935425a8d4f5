extension JSONCursor {
    /// Whether the cursor is at `word` and the word ends there; passes it if so.
    mutating func skipWord(_ word: StaticString) -> Bool {
        let length = word.utf8CodeUnitCount
        guard bytes.count - position >= length else { return false }
        let matches = word.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + length]) }
        guard matches else { return false }
        var after = self
        after.position += length
        guard after.isAtWordEnd else { return false }
        self = after
        return true
    }

    private var isAtWordEnd: Bool {
        guard let next else { return true }
        return switch next {
        case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","), UInt8(ascii: "/"): true
        case 0x00, 0x09...0x0D, 0x20: true
        default: wideSpaceLength > 0
        }
    }

    /// What `ReadAsString` of Json.NET reads: a string, or a number or a word as it is written; nil for `null`.
    mutating func readString() throws(EnvelopeError) -> JSONString? {
        try skipTrivia()
        if next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") { return try scanString() }
        let start = position
        if skipWord("null") { return nil }
        if !skipWord("-Infinity"), isAtNumber {
            _ = try readNumber()
        } else if position == start, !skipWord("true"), !skipWord("false"), !skipWord("NaN"), !skipWord("Infinity") {
            throw malformed("a string is expected")
        }
        return JSONString(range: start..<position, capacity: position - start, hasEscapes: false, isASCII: true)
    }

    /// What `ReadAsBoolean` of Json.NET reads: `true`, `"True"` or a number that is not 0, for instance.
    mutating func readBool() throws(EnvelopeError) -> Bool {
        try skipTrivia()
        let start = position
        if skipWord("true") { return true }
        if skipWord("false") { return false }
        if isAtNumber {
            switch try readNumber() {
            case .integer(let value): return value != 0
            case .floating(let value): return value != 0
            }
        }
        if next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") {
            let string = try scanString()
            switch try text(string).lowercased().trimmingDotNetSpace {
            case "true": return true
            case "false": return false
            default: position = start
            }
        }
        throw malformed("true or false is expected")
    }

    /// Passes the value at the cursor, whatever it is; nested values without recursion.
    mutating func skipValue() throws(EnvelopeError) {
        // One bit per open container, the innermost lowest: 1 is an object.
        var containers: UInt64 = 0
        var depth = 1
        var isFirst = false
        repeat {
            try skipTrivia()
            switch next {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard depth < Self.maximumDepth else { throw malformed("values are nested too deeply") }
                containers = containers << 1 | (next == UInt8(ascii: "{") ? 1 : 0)
                depth += 1
                position += 1
                isFirst = true
            // An empty array, or a trailing comma.
            case UInt8(ascii: "]") where depth > 1 && containers & 1 == 0: break
            // A missing value, which Json.NET reads as undefined.
            case UInt8(ascii: ","): break
            default: try skipScalar()
            }
            // On to the next value, past the ends of containers.
            while depth > 1 {
                if containers & 1 == 1 {
                    if try nextMember(&isFirst) != nil { break }
                } else if isFirst {
                    isFirst = false
                    break
                } else if try nextElement() {
                    break
                }
                containers >>= 1
                depth -= 1
            }
        } while depth > 1
    }

    /// Passes the comma behind an element; false behind the array's end.
    private mutating func nextElement() throws(EnvelopeError) -> Bool {
        try skipTrivia()
        guard next == UInt8(ascii: ",") || next == UInt8(ascii: "]") else { throw malformed("',' or ']' is expected") }
        let isElement = next == UInt8(ascii: ",")
        position += 1
        return isElement
    }

    private mutating func skipScalar() throws(EnvelopeError) {
        if skipWord("undefined") { return }
        _ = try readString()
    }
}

extension String {
    /// Without the white space and NULs that .NET's parsers of numbers and truth values trim.
    fileprivate var trimmingDotNetSpace: Substring {
        let isTrimmed = { (character: Character) in character.isWhitespace || character == "\0" }
        guard let last = lastIndex(where: { !isTrimmed($0) }) else { return "" }
        return self[...last].drop(while: isTrimmed)
    }
}
