/// A number as Json.NET reads it.
enum JSONNumber {
    case integer(Int64)
    /// An integer beyond `Int64`, or one with a fraction or an exponent.
    case floating(Double)
}

extension JSONCursor {
    /// True where Json.NET would begin to read a number.
    var isAtNumber: Bool {
        guard let next else { return false }
        return Self.isDigit(next) || next == UInt8(ascii: "-") || next == UInt8(ascii: ".")
    }

    mutating func readNumber() throws(EnvelopeError) -> JSONNumber {
        let range = scanNumber()
        if let value = shortInteger(range) { return .integer(value) }
        let text = String(decoding: bytes[range], as: UTF8.self)
        guard let number = Self.number(text) else {
            position = range.lowerBound
            throw malformed("a number is malformed")
        }
        return number
    }

    /// The value of up to 18 decimal digits, which cannot overflow; ids as a rule.
    private func shortInteger(_ range: Range<Int>) -> Int64? {
        guard 1...18 ~= range.count else { return nil }
        if range.count > 1, bytes[range.lowerBound] == UInt8(ascii: "0") { return nil }
        var value: Int64 = 0
        for offset in range {
            let digit = bytes[offset] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value &* 10 &+ Int64(digit)
        }
        return value
    }

    /// The bytes that Json.NET takes for parts of a number.
    private mutating func scanNumber() -> Range<Int> {
        let start = position
        while let byte = next {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
                UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "-"),
                UInt8(ascii: "+"), UInt8(ascii: "."):
                position += 1
            default: return start..<position
            }
        }
        return start..<position
    }

    private static func number(_ text: String) -> JSONNumber? {
        let bytes = text.utf8
        guard let first = bytes.first else { return nil }
        // A leading zero makes an octal number, `0x` a hexadecimal one; both may use all 64 bits.
        if first == UInt8(ascii: "0"), let second = bytes.dropFirst().first, !".eE".utf8.contains(second) {
            let isHexadecimal = second == UInt8(ascii: "x") || second == UInt8(ascii: "X")
            let digits = bytes.dropFirst(isHexadecimal ? 2 : 1)
            guard digits.first.map({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) == true else { return nil }
            return UInt64(Substring(digits), radix: isHexadecimal ? 16 : 8).map { .integer(Int64(bitPattern: $0)) }
        }
        guard isDecimal(bytes) else { return nil }
        return Int64(text).map(JSONNumber.integer) ?? Double(text).map(JSONNumber.floating)
    }

    /// `-`, digits with or without a point, an exponent: what `double.Parse` takes, and no more.
    private static func isDecimal(_ text: String.UTF8View) -> Bool {
        var bytes = text[...]
        if bytes.first == UInt8(ascii: "-") { bytes = bytes.dropFirst() }
        let mantissa = bytes.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
        guard mantissa.contains(where: isDigit), mantissa.count(where: { !isDigit($0) }) <= 1 else { return false }
        bytes = bytes.dropFirst(mantissa.count)
        guard let mark = bytes.first else { return true }
        guard mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") else { return false }
        bytes = bytes.dropFirst()
        if bytes.first == UInt8(ascii: "-") || bytes.first == UInt8(ascii: "+") { bytes = bytes.dropFirst() }
        return !bytes.isEmpty && bytes.allSatisfy(isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }
}
