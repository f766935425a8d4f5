public import FreeIMCore
public import FreeIMRedis
public import Logging
import Metrics
import NIOCore
import RedisClient
public import ServiceLifecycle
import Synchronization

/// Tokens in Redis, as FreeIM's `ImHelper` keeps them: a key per token that Redis forgets in time.
public final class RedisTokenStore: TokenStore, RunsServices {
    private let link: RedisLink
    private let keys: TokenKeys
    private let ownsLink: Bool
    private let notices: UndecodableNotices
    /// Redis before 6.2 has no GETDEL.
    private let lacksGetDel = Atomic(false)

    private static let take = RedisScript(
        """
        for _, key in ipairs(KEYS) do
          local value = redis.call('GET', key)
          if value then
            redis.call('DEL', key)
            return value
          end
        end
        return false
        """)

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
        let keys = keys.allKeys(of: token).map(RedisArgument.string)
        guard !lacksGetDel.load(ordering: .relaxed) else { return try await runScript(keys) }
        let replies = try await link.client.pipeline(keys.map { RedisCommand("GETDEL", $0) })
        if let value = replies.lazy.compactMap(\.bytes).first { return value }
        guard let error = replies.lazy.compactMap(\.error).first else { return nil }
        guard error.code == .err, error.message.hasPrefix("unknown command") else { throw error }
        lacksGetDel.store(true, ordering: .relaxed)
        return try await runScript(keys)
    }

    private func runScript(_ keys: [RedisArgument]) async throws(RedisError) -> ByteBuffer? {
        try await link.client.eval(Self.take, keys: keys).bytes
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
