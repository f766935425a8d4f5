public import Logging
public import NIOCore

/// What a node is made of. Built by the daemon from a manifest, or by hand in an embedding program.
public struct NodeConfiguration: Sendable {
    public var identity: NodeIdentity
    public var transport: any Transport
    public var presence: any PresenceHook
    /// Asked in order.
    public var authHooks: [any AuthHook]
    /// Asked in order.
    public var messageHooks: [any MessageHook] = []
    /// Switches point to point messages on; set by ``DirectMessages``.
    public var direct: DirectMessages?
    /// Switches channels and broadcasts on; set by ``Channels``.
    public var channels: Channels?
    /// Switches events on; set by ``EventBus``.
    public var eventBus: EventBus?
    /// The loops on which the node's connections live, one shard each. Not shut down by the node.
    public var eventLoopGroup: any EventLoopGroup
    public var logger: Logger

    /// Bytes of UTF-8 of a message. The messenger refuses longer ones, and those that come from the bus are dropped.
    public var maximumMessage = ByteCount(MessagePayload.defaultMaximumBytes)
    /// Opened and closed connections that wait to be stored, beyond which new connections are refused with 503.
    public var maximumPendingChanges = 65_536
    /// Tasks that run the hooks of terminals' messages; a connection always has the same one. At least 1.
    public var inboundWorkers = 16
    /// From the start of a graceful shutdown until it is cut short, where that is so; the gateway lets its terminals go in
    /// time for it.
    public var shutdownTimeout: Duration?
    /// Lateness of an event loop beyond which it is logged.
    public var lagWarning = Duration.seconds(1)
    /// Messages of terminals that wait for one worker, beyond which connections are closed with `tryAgainLater`.
    public var inboundQueue = 1_024

    public init(
        identity: NodeIdentity, transport: any Transport, presence: any PresenceHook, authHooks: [any AuthHook],
        features: [any Feature] = [], eventLoopGroup: any EventLoopGroup, logger: Logger
    ) {
        self.identity = identity
        self.transport = transport
        self.presence = presence
        self.authHooks = authHooks
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        for feature in features { feature.configure(&self) }
    }
}
