/// All that a ``RedisClient`` can be told.
public struct RedisClientConfiguration: Sendable {
    public var endpoint: RedisEndpoint
    /// Nil where the server asks for none.
    public var credentials: RedisCredentials?
    /// The number of the database (SELECT). From 0. Pub/sub knows no databases.
    public var database = 0
    /// Nil for a connection in clear.
    public var tls: RedisTLS?
    /// The name that `CLIENT LIST` shows (CLIENT SETNAME). Printable ASCII without spaces; nil for none.
    public var clientName: String?

    /// From the start of an attempt to connect until Redis has accepted the connection, TLS and AUTH included.
    public var connectTimeout: Duration = .seconds(5)
    /// From the call until the reply, the time in which the command waits included. Above zero.
    public var commandTimeout: Duration = .seconds(5)
    /// Silence after which a connection is asked for a sign of life (PING). Above zero.
    public var keepAlive: Duration = .seconds(5)
    /// Silence after which a connection that owes an answer is given up and made anew. Above zero; longer than the
    /// longest script, since a busy Redis is silent.
    public var peerTimeout: Duration = .seconds(10)
    public var backoff = RedisBackoff()

    /// Commands sent and not yet answered; beyond that, commands wait. At least 1. A pipeline counts each of its commands,
    /// and may have as many.
    public var maxInFlight = 16_384
    /// Commands that wait for a connection or for room in flight; beyond that they fail with
    /// ``RedisError/Code/overloaded``. Calls that subscribe and wait are limited likewise. At least 1.
    public var maxWaiting = 65_536
    /// Bytes of waiting commands together; beyond that they fail as above. At least 1.
    public var maxWaitingBytes = 64 << 20
    public var replyLimits = RedisReplyLimits()

    public init(endpoint: RedisEndpoint) {
        self.endpoint = endpoint
    }

    /// `redis://[user[:password]@]host[:port][/db]`, `rediss://...` for TLS, `unix://[user[:password]@]/path[?db=n]`.
    ///
    /// A password alone is written `:password@`. User and password may be percent-encoded. The port is 6379 by default.
    ///
    /// - Throws: ``RedisError/Code/invalid``; the message never holds user or password.
    public init(url: String) throws(RedisError) {
        let url = try RedisURL(url)
        endpoint = url.endpoint
        credentials = url.credentials
        database = url.database
        tls = url.isEncrypted ? RedisTLS() : nil
    }

    /// - Throws: ``RedisError/Code/invalid``, naming the first option out of its range.
    func validate() throws(RedisError) {
        let limits = replyLimits
        let rules: [(Bool, String)] = [
            (database >= 0, "database must not be negative"),
            (connectTimeout > .zero, "connectTimeout must be above zero"),
            (commandTimeout > .zero, "commandTimeout must be above zero"),
            (keepAlive > .zero, "keepAlive must be above zero"),
            (peerTimeout > .zero, "peerTimeout must be above zero"),
            (backoff.initial > .zero, "backoff.initial must be above zero"),
            (backoff.maximum >= backoff.initial, "backoff.maximum must not be below backoff.initial"),
            ((0...1).contains(backoff.jitter), "backoff.jitter must be between 0 and 1"),
            (maxInFlight > 0, "maxInFlight must be above zero"),
            (maxWaiting > 0, "maxWaiting must be above zero"),
            (maxWaitingBytes > 0, "maxWaitingBytes must be above zero"),
            ((1...1 << 24).contains(limits.elements), "replyLimits.elements must be between 1 and 16777216"),
            ((1...7).contains(limits.depth), "replyLimits.depth must be between 1 and 7"),
            ((1...512 << 20).contains(limits.bulkBytes), "replyLimits.bulkBytes must be between 1 and 536870912"),
            (
                limits.replyBytes >= limits.bulkBytes && limits.replyBytes <= 1 << 30,
                "replyLimits.replyBytes must be between bulkBytes and 1073741824"
            ),
            (
                clientName?.utf8.allSatisfy { (0x21...0x7E).contains($0) } ?? true,
                "clientName must be printable ASCII without spaces"
            ),
            // RFC 6066 §3: SNI takes no addresses. Without a name, the address that was connected to is verified.
            (
                tls?.serverName.map { !$0.isEmpty && !Self.isAddress($0) } ?? true,
                "tls.serverName must be a name, not an address"
            ),
            ((tls?.certificateFile == nil) == (tls?.keyFile == nil), "a certificate file and a key file go together"),
        ]
        for (isKept, rule) in rules where !isKept { throw RedisError(.invalid, rule) }
    }
}
