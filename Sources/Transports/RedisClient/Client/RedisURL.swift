/// The parts of a Redis URL. Errors name the part and what it should be, never what a secret could be part of.
struct RedisURL {
    var endpoint: RedisEndpoint
    var credentials: RedisCredentials?
    var database = 0
    var isEncrypted = false

    private static let form = """
        redis://[user[:password]@]host[:port][/db], rediss://[user[:password]@]host[:port][/db] \
        or unix://[user[:password]@]/path[?db=n]
        """

    init(_ text: String) throws(RedisError) {
        guard let mark = text.firstRange(of: "://") else { throw Self.invalid("no scheme; use \(Self.form)") }
        let scheme = text[..<mark.lowerBound].lowercased()
        let rest = text[mark.upperBound...]
        switch scheme {
        case "redis", "rediss":
            let split = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
            // A secret may hold a '/' that should be encoded: it must not come to stand in the host of a message.
            guard !rest[split...].contains("@") else {
                throw Self.invalid("'/', '?', '#' and '@' in a user or password must be percent-encoded")
            }
            let (credentials, authority) = try Self.splitCredentials(rest[..<split])
            let (host, port) = try Self.splitAuthority(authority)
            self.endpoint = .tcp(host: host, port: port)
            self.credentials = credentials
            self.database = try Self.database(path: rest[split...])
            self.isEncrypted = scheme == "rediss"
        case "unix":
            let split = rest.firstIndex(of: "/") ?? rest.endIndex
            let (credentials, authority) = try Self.splitCredentials(rest[..<split])
            guard authority.isEmpty else { throw Self.invalid("a unix URL has no host; use unix:///path") }
            let query = rest.firstIndex(of: "?") ?? rest.endIndex
            guard split < query, let path = Self.decode(rest[split..<query]), path.utf8.count > 1 else {
                throw Self.invalid("a unix URL needs a path; use unix:///path")
            }
            self.endpoint = .unix(path: path)
            self.credentials = credentials
            if query < rest.endIndex { self.database = try Self.database(query: rest[query...].dropFirst()) }
        default:
            throw Self.invalid("the scheme must be redis, rediss or unix; use \(Self.form)")
        }
    }

    private static func splitCredentials(_ text: Substring) throws(RedisError) -> (RedisCredentials?, Substring) {
        guard let at = text.lastIndex(of: "@") else { return (nil, text) }
        let secret = text[..<at]
        let rest = text[text.index(after: at)...]
        guard let colon = secret.firstIndex(of: ":") else {
            throw invalid("a user without a password; write user:password@, or :password@ for a password alone")
        }
        guard let user = decode(secret[..<colon]), let password = decode(secret[secret.index(after: colon)...]) else {
            throw invalid("user or password are not valid percent-encoding")
        }
        guard !password.isEmpty else { throw invalid("the password is empty") }
        return (RedisCredentials(user: user.isEmpty ? nil : user, password: password), rest)
    }

    private static func splitAuthority(_ text: Substring) throws(RedisError) -> (String, Int) {
        var host = text
        var port: Substring?
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw invalid("an IPv6 address needs a closing ']'") }
            host = text[text.index(after: text.startIndex)..<end]
            let behind = text[text.index(after: end)...]
            guard behind.isEmpty || behind.first == ":" else { throw invalid("behind ']' only ':port' may follow") }
            port = behind.isEmpty ? nil : behind.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw invalid("the host is missing") }
        guard let port else { return (String(host), 6379) }
        guard let number = Int(port), (1...65_535).contains(number) else {
            throw invalid("the port must be a number from 1 to 65535")
        }
        return (String(host), number)
    }

    private static func database(path: Substring) throws(RedisError) -> Int {
        guard !path.contains("?"), !path.contains("#") else {
            throw invalid("a redis URL takes no query; options are set in the configuration")
        }
        let text = path.dropFirst()
        return text.isEmpty ? 0 : try database(number: text)
    }

    private static func database(query: Substring) throws(RedisError) -> Int {
        guard query.hasPrefix("db="), !query.contains("&") else {
            throw invalid("a unix URL takes the query ?db=n and no other")
        }
        return try database(number: query.dropFirst(3))
    }

    private static func database(number: Substring) throws(RedisError) -> Int {
        guard let number = Int(number), number >= 0 else { throw invalid("the database must be a number from 0") }
        return number
    }

    /// RFC 3986 §2.1; nil where a '%' is not followed by two hexadecimal digits, or the bytes are not UTF-8.
    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }

    private static func invalid(_ reason: String) -> RedisError {
        RedisError(.invalid, "the Redis URL cannot be used: \(reason)")
    }
}
