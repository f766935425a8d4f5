import FoundationEssentials

/// What a token says of itself, before its signature is verified: whose matter it is, and which key is meant.
struct UnverifiedToken {
    /// The fields that decide (RFC 7515 §4.1). JWTKit's `JWTHeader` is not for what strangers send: it turns each number
    /// into an `Int`, and the process ends with one that has no room there.
    struct Header: Decodable {
        let algorithm: String
        let identifier: String?
        /// Extensions that must be understood; there are none that are.
        let critical: [String]?

        enum CodingKeys: String, CodingKey {
            case algorithm = "alg"
            case identifier = "kid"
            case critical = "crit"
        }
    }

    let header: Header
    let claims: JWTClaims

    /// nil where the text has not the form of a signed token (RFC 7515 §3.1).
    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.decode(Header.self, parts[0]),
            let claims = Self.decode(JWTClaims.self, parts[1])
        else { return nil }
        self.header = header
        self.claims = claims
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ part: Substring) -> Value? {
        // RFC 7515 §2: base64url without padding.
        var text = String(part.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        text += String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: text).flatMap { try? JSONDecoder().decode(type, from: $0) }
    }
}
