/// 512 random bits, as 128 lower-case hexadecimal digits: the form of FreeIM's tokens.
public struct Token: Hashable, Sendable {
    public let text: String

    static let digits = 128

    /// nil where `text` has not the form of a token.
    public init?(_ text: String) {
        guard text.utf8.count == Self.digits else { return nil }
        let isHexadecimal = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
            default: false
            }
        }
        guard isHexadecimal else { return nil }
        self.text = text
    }

    private init(words: [UInt64]) {
        self.text = words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// A token from the system's cryptographic generator (`getrandom` on Linux).
    public static func random() -> Token {
        var generator = SystemRandomNumberGenerator()
        return Token(words: (0..<8).map { _ in generator.next() })
    }
}

/// Never the token itself: descriptions end up in logs.
extension Token: CustomStringConvertible, CustomReflectable {
    public var description: String { "Token(\(text.prefix(4))...)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
