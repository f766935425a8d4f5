public import FreeIMCore
import NIOCore

extension ModuleFactory where Product == any Transport {
    /// `transport.redis`
    public static var redis: Self {
        Self("redis", "The bus of a cluster, on Redis pub/sub", configuration: RedisTransportConfiguration.self) {
            (configuration, context) throws(ModuleError) in
            // The node is called on its first loop; messages that arrive there need no hop.
            guard let eventLoop = Array(context.eventLoopGroup.makeIterator()).first else {
                throw ModuleError(.invalidValue, "needs an event loop; set 'threads' of the node")
            }
            let link = try RedisLink(configuration.options, eventLoop: eventLoop, logger: context.logger)
            return RedisTransport(configuration, node: context.node, link: link, logger: context.logger)
        }
    }
}
