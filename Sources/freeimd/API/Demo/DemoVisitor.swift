import Crypto
import FoundationEssentials
import FreeIMCore

/// Who chats on the demo page, without anything being stored: the client's id says the nickname.
///
/// `Anna~9f86d081884c7d65`: the nickname, and a digest of the nickname and of a key that only the visitor's page has.
/// So the same page is the same client after a reload, on every node, and nobody can take another one's id.
struct DemoVisitor {
    let client: ClientID
    /// As the visitor wrote it, without blanks around it.
    let nickname: String
    /// The page's secret; a page that shows it again gets the same client.
    let key: String

    /// The longest nickname, in characters.
    static let maximumNickname = 32

    /// Hexadecimal digits of a key, 128 bits.
    private static let keyDigits = 32
    /// Hexadecimal digits of the digest in an id.
    private static let markDigits = 16
    private static let separator: Character = "~"
    private static let ellipsis = "…"

    /// - Parameters:
    ///   - nickname: 1 to ``maximumNickname`` characters, blanks around it not counted.
    ///   - key: what the page was given before; nil makes a new one.
    init(nickname: String, key: String?) throws(APIFault) {
        let nickname = nickname.trimmed
        guard 1...Self.maximumNickname ~= nickname.count, !nickname.hasControlCharacter else {
            throw .invalidArgument(
                "'nickname' must have 1 to \(Self.maximumNickname) characters, without control characters")
        }
        let key = key ?? Self.makeKey()
        guard key.utf8.count == Self.keyDigits, key.utf8.allSatisfy(Self.isDigit) else {
            throw .invalidArgument("'key' must be one that this endpoint gave out; leave it out to get one")
        }
        let mark = Self.hexadecimal(SHA256.hash(data: Data("\(key)\n\(nickname)".utf8))).prefix(Self.markDigits)
        guard let client = ClientID("\(Self.shortened(nickname))\(Self.separator)\(mark)") else {
            throw .invalidArgument("'nickname' cannot be a part of a client's id; choose another")
        }
        self.client = client
        self.nickname = nickname
        self.key = key
    }

    /// What a client is called on the page: a visitor's nickname, of a very long one the beginning; any other client's
    /// id.
    static func nickname(of client: ClientID) -> String {
        let text = client.description
        guard let end = text.lastIndex(of: separator), end > text.startIndex else { return text }
        let mark = text[text.index(after: end)...].utf8
        guard mark.count == markDigits, mark.allSatisfy(isDigit) else { return text }
        return String(text[..<end])
    }

    /// What fits into an id beside the separator and the digest.
    private static func shortened(_ nickname: String) -> String {
        let room = ClientID.maximumBytes - markDigits - 1
        guard nickname.utf8.count > room else { return nickname }
        var short = ""
        var bytes = ellipsis.utf8.count
        for character in nickname {
            bytes += character.utf8.count
            guard bytes <= room else { break }
            short.append(character)
        }
        return short + ellipsis
    }

    /// Of the system's generator, which is fit for secrets.
    private static func makeKey() -> String {
        SymmetricKey(size: .bits128).withUnsafeBytes { hexadecimal($0) }
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            for digit in [byte >> 4, byte & 0xF] { text += String(digit, radix: 16) }
        }
        return text
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return String(self[first...last])
    }

    /// U+0000 to U+001F and U+007F, which neither client ids nor channel names may hold.
    var hasControlCharacter: Bool { utf8.contains { $0 < 0x20 || $0 == 0x7F } }
}
