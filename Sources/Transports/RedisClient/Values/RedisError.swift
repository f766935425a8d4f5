/// Why a command or a connection failed: an error reply of Redis, or a failure on the way to it.
public struct RedisError: Error, Sendable {
    /// What went wrong. Redis' own words are in capitals, this client's in small letters.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        /// The first word of an error reply, as Redis sends it.
        public init(reply word: String) {
            description = word
        }

        private init(_ description: String) {
            self.description = description
        }

        // MARK: Redis' words

        /// The general error.
        public static let err = Code("ERR")
        /// The value has another type than the command works on.
        public static let wrongType = Code("WRONGTYPE")
        /// The connection has not authenticated.
        public static let noAuth = Code("NOAUTH")
        /// User or password are wrong.
        public static let wrongPass = Code("WRONGPASS")
        /// The user may not do this (ACL).
        public static let noPerm = Code("NOPERM")
        /// The key is on another node of a Redis Cluster.
        public static let moved = Code("MOVED")
        /// Redis reads its data from disk and does not serve yet.
        public static let loading = Code("LOADING")
        /// The server is a replica that takes no writes.
        public static let readOnly = Code("READONLY")
        /// Redis has reached its `maxmemory`.
        public static let oom = Code("OOM")
        /// Redis does not know the script of an EVALSHA.
        public static let noScript = Code("NOSCRIPT")
        /// A script runs for too long and blocks the others.
        public static let busy = Code("BUSY")

        // MARK: This client's

        /// A URL, an option or a command that cannot be used.
        public static let invalid = Code("invalid")
        /// Redis could not be reached before the deadline. The command was not sent.
        public static let unavailable = Code("unavailable")
        /// A queue of this client is full. The command was not sent.
        public static let overloaded = Code("overloaded")
        /// No answer before the deadline. Whether the command was carried out is unknown if it had been sent.
        public static let timeout = Code("timeout")
        /// The connection ended before the answer. Whether the command was carried out is unknown.
        public static let connectionLost = Code("connection_lost")
        /// The server sent what is not RESP2, or more than the limits allow. It ends the connection.
        public static let protocolViolation = Code("protocol_violation")
        /// TLS could not be set up.
        public static let tls = Code("tls")
        /// The client has been stopped.
        public static let stopped = Code("stopped")
        /// The waiting task was cancelled. The command may still be carried out.
        public static let cancelled = Code("cancelled")
    }

    public var code: Code
    /// What happened; of an error reply, the text behind the code. Never a password.
    public var message: String
    /// True for an error reply of Redis.
    public var isReply: Bool
    public var underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.isReply = false
        self.underlying = underlying
    }

    /// An error reply, such as `WRONGTYPE Operation against a key ...`, without the leading `-`.
    ///
    /// Redis documentation, "RESP protocol description": the first word in capitals is the kind of error.
    public init(reply line: String) {
        let word = line.prefix { $0 != " " }
        let isCode = !word.isEmpty && word.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x5F }
        code = isCode ? Code(reply: String(word)) : .err
        let message = isCode ? line.dropFirst(word.count + 1) : line[...]
        // "unknown command 'AUTH', with args beginning with: ...": the arguments are passwords and tokens, too.
        self.message = String(
            message.firstRange(of: ", with args beginning with").map { message[..<$0.lowerBound] } ?? message)
        isReply = true
    }
}

extension RedisError: CustomStringConvertible {
    /// Of a reply, what Redis sent; otherwise the message and the code.
    public var description: String {
        isReply ? "\(code) \(message)" : "\(message) [\(code)]"
    }
}

extension RedisError: Hashable {
    /// Equal in code, message and origin; ``underlying`` is not compared.
    public static func == (one: RedisError, other: RedisError) -> Bool {
        one.code == other.code && one.message == other.message && one.isReply == other.isReply
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(code)
        hasher.combine(message)
    }
}

extension RedisError {
    static var stopped: RedisError { RedisError(.stopped, "the Redis client has been stopped") }
    /// Why a connection ends.
    static var stopping: RedisError { RedisError(.stopped, "the Redis client stops") }
    static var gone: RedisError { RedisError(.stopped, "the Redis client is gone") }
}
