public import FreeIMCore
public import FreeIMRedis

/// What a business service says of the cluster.
public struct RedisMessengerConfiguration: Sendable {
    /// The names of all nodes, in the order of the nodes' `servers`.
    public var servers: [String]
    /// The nodes' path.
    public var path = "/ws"
    /// The connect URL without its query, as the nodes' `public_url`.
    public var publicURL = NodeIdentity.defaultPublicURL
    /// The generations of FreeIM whose names are used, as the nodes' `dialects`.
    public var dialects = Dialect.allCases
    /// Where Redis is, and how long calls wait for it.
    public var redis = RedisOptions()
    /// How long a connect URL can be used; in whole seconds, rounded up.
    public var tokenTimeToLive = Duration.seconds(10)

    /// In how many channels a client may be, and how many members a channel may have, as the nodes' `presence.redis`.
    public var channels = ChannelLimits()
    /// Bytes of a message, as the nodes' `max_message`.
    public var maximumMessage = ByteCount(MessagePayload.defaultMaximumBytes)

    public init(servers: [String], url: String = RedisOptions().url) {
        self.servers = servers
        redis.url = url
    }

    var identity: NodeIdentity {
        NodeIdentity(name: "", servers: servers, path: path, publicURL: publicURL, dialects: dialects)
    }
}
