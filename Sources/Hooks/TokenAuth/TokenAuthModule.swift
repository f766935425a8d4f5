public import FreeIMCore
import FreeIMRedis
import NIOCore

extension ModuleFactory where Product == any AuthHook {
    /// `auth.token`
    public static var token: Self {
        Self("token", "One-time tokens, handed out in connect URLs", configuration: TokenAuthConfiguration.self) {
            (configuration, context) throws(ModuleError) in
            TokenAuth(store: try store(configuration, context), timeToLive: configuration.timeToLive)
        }
    }

    private static func store(
        _ configuration: TokenAuthConfiguration, _ context: ModuleContext
    ) throws(ModuleError) -> any TokenStore {
        if let options = configuration.redis {
            let link = try RedisLink(options, eventLoop: context.eventLoopGroup.next(), logger: context.logger)
            return RedisTokenStore(link: link, node: context.node, ownsLink: true, logger: context.logger)
        }
        if let transport = context.transport as? RedisTransport {
            return RedisTokenStore(link: transport.link, node: context.node, logger: context.logger)
        }
        return MemoryTokenStore(limit: configuration.maxUnused)
    }
}
