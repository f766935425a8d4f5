public import Logging
public import NIOCore

/// What a factory is given beside its configuration.
public struct ModuleContext: Sendable {
    public var id: ModuleID
    /// Labelled with the module's id.
    public var logger: Logger
    /// The loops of the node; to run something on, not to shut down.
    public var eventLoopGroup: any EventLoopGroup
    public var node: NodeIdentity
    /// The transport; nil while the transport itself is built.
    public var transport: (any Transport)?
    /// The presence; nil while transport or presence are built.
    public var presence: (any PresenceHook)?

    public init(
        id: ModuleID, logger: Logger, eventLoopGroup: any EventLoopGroup, node: NodeIdentity,
        transport: (any Transport)? = nil, presence: (any PresenceHook)? = nil
    ) {
        self.id = id
        self.logger = logger
        self.eventLoopGroup = eventLoopGroup
        self.node = node
        self.transport = transport
        self.presence = presence
    }
}
