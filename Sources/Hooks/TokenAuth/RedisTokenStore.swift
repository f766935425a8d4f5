public import FreeIMCore
public import FreeIMRedis
public import Logging
import Metrics
import NIOCore
import RedisClient
public import ServiceLifecycle

/// Tokens in Redis, as FreeIM's `ImHelper` keeps them: a key per token that Redis forgets in time.
public final class RedisTokenStore: TokenStore, RunsServices {
    private let link: RedisLink
    private let keys: TokenKeys
    private let ownsLink: Bool
    private let notices: UndecodableNotices
    private let lookups: TokenLookups

    /// - Parameter ownsLink: the store is the only one to use the link, and has it run: see ``services``.
    public convenience init(link: RedisLink, node: NodeIdentity, ownsLink: Bool = false, logger: Logger) {
        self.init(
            link: link, keys: TokenKeys(node: node, keyPrefix: link.keyPrefix), ownsLink: ownsLink,
            notices: UndecodableNotices(logger: logger))
    }

    init(link: RedisLink, keys: TokenKeys, ownsLink: Bool = false, notices: UndecodableNotices) {
        self.link = link
        self.keys = keys
        self.ownsLink = ownsLink
        self.notices = notices
        let client = link.client
        let tokens = RedisTokens(client: client, keys: keys)
        lookups = TokenLookups(limit: client.configuration.maxWaiting, eventLoop: client.eventLoop, take: tokens.take)
    }

    public var services: [any Service] { ownsLink ? [link] : [] }

    public func ready() async throws {
        try await link.ready()
    }

    public func add(_ token: Token, for identity: Identity, timeToLive: Duration) async throws {
        do {
            _ = try await link.client.send(
                RedisCommand(
                    "SET", .string(keys.key(of: token, for: identity.client)),
                    .bytes(PresenceEventBody.encode(identity)), "EX", .integer(Self.wholeSeconds(timeToLive))))
        } catch {
            throw Self.failure("the token could not be stored", error)
        }
    }

    public func consume(_ token: Token) async throws -> Identity? {
        do {
            return try await value(of: token).flatMap(identity)
        } catch {
            throw Self.failure("the token could not be looked up", error)
        }
    }

    private func value(of token: Token) async throws(RedisError) -> ByteBuffer? {
        let value = try await lookups.value(of: token)
        if let error = value.error { throw error }
        return value.bytes
    }

    private func identity(_ value: ByteBuffer) -> Identity? {
        do {
            var identity = try PresenceEventBody.decode(value)
            if value != PresenceEventBody.encode(identity) {
                identity.eventBody = String(validating: value.readableBytesView, as: UTF8.self)
            }
            return identity
        } catch {
            notices.note(error)
            return nil
        }
    }

    /// Rounded up: a token lives no shorter than was said.
    private static func wholeSeconds(_ duration: Duration) -> Int {
        let (seconds, attoseconds) = duration.components
        return max(1, Int(seconds) + (attoseconds > 0 ? 1 : 0))
    }

    private static func failure(_ what: String, _ error: RedisError) -> any Error {
        guard error.code != .cancelled else { return CancellationError() }
        var error = error
        // Redis repeats the arguments of an unknown command: a token would get into logs.
        if let arguments = error.message.firstRange(of: ", with args") {
            error.message = String(error.message[..<arguments.lowerBound])
        }
        return CredentialError(
            .unavailable, "\(what): \(error); check that Redis runs and lets this user read and write keys",
            underlying: error)
    }
}
