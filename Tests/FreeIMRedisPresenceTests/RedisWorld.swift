import FreeIMCore
import FreeIMRedis
import FreeIMRedisPresence
import FreeIMTestSupport
import Logging
import NIOPosix

/// A presence, and the transport whose Redis it shares.
func makePresence(
    _ url: String, name: String = "a", servers: [String] = PresenceContract.nodes, keyPrefix: String = "",
    ownLink: Bool = false, _ configure: (inout RedisPresenceConfiguration) -> Void = { _ in }
) throws -> PresenceFixture {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    var options = RedisOptions()
    options.url = url
    options.keyPrefix = keyPrefix
    let link = try RedisLink(options, eventLoop: loop, logger: logger)
    let identity = NodeIdentity(name: name, servers: servers)
    let transport = RedisTransport(node: identity, link: link, logger: logger)
    var configuration = RedisPresenceConfiguration()
    configure(&configuration)
    let presenceLink = ownLink ? try RedisLink(options, eventLoop: loop, logger: logger) : link
    let presence = RedisPresence(
        configuration, identity: identity, link: presenceLink, transport: transport, logger: logger)
    return PresenceFixture(presence: presence, bus: transport, identity: identity)
}
