public import FreeIMCore
import FreeIMRedis
import NIOCore

extension ModuleFactory where Product == any PresenceHook {
    /// `presence.redis`
    public static var redis: Self {
        Self(
            "redis", "Who is online and in which channels, of a cluster, in Redis",
            configuration: RedisPresenceConfiguration.self
        ) { (configuration, context) throws(ModuleError) in
            guard let transport = context.transport else {
                throw ModuleError(.missingModule, "needs a transport; add 'use: transport.redis'")
            }
            return RedisPresence(
                configuration, identity: context.node, link: try link(configuration, context), transport: transport,
                logger: context.logger)
        }
    }

    private static func link(
        _ configuration: RedisPresenceConfiguration, _ context: ModuleContext
    ) throws(ModuleError) -> RedisLink {
        if let options = configuration.options {
            return try RedisLink(options, eventLoop: context.eventLoopGroup.next(), logger: context.logger)
        }
        if let transport = context.transport as? RedisTransport { return transport.link }
        throw ModuleError(
            .missingValue,
            "does not know where Redis is; set its 'url', or use 'transport.redis', whose Redis it shares")
    }
}
