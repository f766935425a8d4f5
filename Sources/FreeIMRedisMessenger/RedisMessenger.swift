public import FreeIMCore
import FreeIMRedis
import FreeIMRedisPresence
import FreeIMTokenAuth
public import Logging
public import NIOCore
public import NIOPosix
public import ServiceLifecycle

/// A messenger for a business service, over Redis and without a node in the process.
///
/// Run it in the service's `ServiceGroup`, or in a task; ``messenger`` works from then on. It sends the commands of
/// FreeIM's `ImHelper`, byte for byte, and three things more: a join or leave stands in a transaction (MULTI, EXEC) with
/// a script that tells the client's node of it, and a join with another one that cleans up where a limit refused it;
/// removing offline members is one script that corrects counts and clients' rows as well; and the list of servers is compared
/// with the nodes' (HVALS).
public final class RedisMessenger: Service {
    public let messenger: Messenger
    private let transport: RedisTransport
    private let check: ServerListCheck
    private let logger: Logger

    private static let checkInterval = Duration.seconds(30)

    /// - Throws: ``ModuleError/Code/invalidValue`` for a list of servers or a URL that cannot be used.
    public init(
        _ configuration: RedisMessengerConfiguration,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "freeim", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws(ModuleError) {
        guard !configuration.servers.isEmpty, !configuration.servers.contains("") else {
            throw ModuleError(
                .invalidValue, "'servers' must name all nodes, as their manifests do; it is \(configuration.servers)")
        }
        let identity = configuration.identity
        let link = try RedisLink(configuration.redis, eventLoop: eventLoopGroup.next(), logger: logger)
        let transport = RedisTransport(node: nil, link: link, logger: logger)
        var presence = RedisPresenceConfiguration()
        presence.tracking = false
        presence.channels = configuration.channels
        self.transport = transport
        self.logger = logger
        check = ServerListCheck(identity: identity, link: link, logger: logger)
        messenger = Messenger(
            identity: identity, transport: transport,
            presence: RedisPresence(presence, identity: identity, link: link, transport: transport, logger: logger),
            issuer: TokenAuth(
                store: RedisTokenStore(link: link, node: identity, logger: logger),
                timeToLive: configuration.tokenTimeToLive),
            maximumMessageBytes: configuration.maximumMessage.bytes, eventLoopGroup: eventLoopGroup)
    }

    /// Holds the connections to Redis until graceful shutdown or cancellation.
    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.transport.run() }
            group.addTask { await cancelWhenGracefulShutdown { await self.compareServers() } }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func compareServers() async {
        while !Task.isCancelled {
            do {
                try await check.run()
            } catch {
                logger.debug("servers not compared", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: Self.checkInterval)
        }
    }

    /// Returns when Redis answers; throws on cancellation.
    public func ready() async throws {
        try await transport.ready()
    }
}

extension Messenger {
    /// A messenger over Redis for a business service; see ``RedisMessenger``.
    ///
    /// - Parameters:
    ///   - servers: the names of all nodes, in the order of the nodes' `servers`.
    ///   - url: `redis://[user[:password]@]host[:port][/db]`, `rediss://...` or `unix://...`.
    public static func redis(
        servers: [String], url: String,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger = Logger(label: "freeim", factory: { _ in SwiftLogNoOpLogHandler() })
    ) throws(ModuleError) -> RedisMessenger {
        try RedisMessenger(
            RedisMessengerConfiguration(servers: servers, url: url), eventLoopGroup: eventLoopGroup, logger: logger)
    }
}
