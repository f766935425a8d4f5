import Logging
import Metrics
public import NIOCore
public import ServiceLifecycle

/// The middle of a node: takes messages from the bus to the shards, and news of connections to presence and the bus.
///
/// Run it, with the services of ``services``, in a `ServiceGroup`.
public final class Node: Service, TransportInbox {
    public let identity: NodeIdentity
    /// What business code in the same process holds.
    public let messenger: Messenger
    public let lifecycle = NodeLifecycle()
    /// The loop on which the transport delivers.
    public let eventLoop: any EventLoop
    package let configuration: NodeConfiguration
    /// One per event loop.
    package let shards: [ShardHandle]
    package let inbound: InboundPool?
    let metrics = NodeMetrics()

    let router: NIOLoopBoundBox<Router>
    /// Tells this process' connections from those of an earlier one of the same name.
    let epoch: UInt64
    let changes: Mailbox<PendingChange>
    /// What is for clients that have to be looked for.
    let misrouted = Mailbox<MisroutedMessage>(limit: 4_096)
    private let subscribed = Gate()
    var logger: Logger { configuration.logger }

    /// - Throws: ``ModuleError`` where parts do not fit together.
    public init(_ configuration: NodeConfiguration) throws(ModuleError) {
        guard configuration.identity.servers.contains(configuration.identity.name) else {
            throw ModuleError(
                .conflict,
                """
                the node's name '\(configuration.identity.name)' is not among its servers \
                (\(configuration.identity.servers.joined(separator: ", "))); add it, in the same order on every node
                """)
        }
        if let maximum = configuration.presence.maximumNodes, configuration.identity.servers.count > maximum {
            throw ModuleError(
                .conflict,
                """
                the presence module serves \(maximum) node at most, but 'servers' lists \
                \(configuration.identity.servers.count); use a presence module for clusters
                """)
        }
        let loops = Array(configuration.eventLoopGroup.makeIterator())
        guard let busLoop = loops.first, loops.count <= ShardSet.maximumShards else {
            throw ModuleError(
                .invalidValue,
                """
                a node uses 1 to \(ShardSet.maximumShards) event loops, but its group has \(loops.count); set \
                'threads' of the node
                """)
        }
        let shards = loops.enumerated().map { ShardHandle(eventLoop: $1, number: $0) }
        let metrics = metrics
        let epoch = UInt64.random(in: .min ... .max)
        let router = NIOLoopBoundBox.makeBoxSendingValue(
            Router(
                configuration: configuration, metrics: metrics, eventLoop: busLoop, shards: shards.count, epoch: epoch
            ) { shard, commands in
                shards[shard].run { metrics.delivered.increment(by: $0.carryOut(commands)) }
            }, eventLoop: busLoop)
        self.configuration = configuration
        self.identity = configuration.identity
        self.eventLoop = busLoop
        self.shards = shards
        self.router = router
        self.epoch = epoch
        // Closed connections are always taken: there are never more than opened ones.
        self.changes = Mailbox(limit: .max)
        var capabilities: Messenger.Capabilities = []
        if configuration.direct != nil { capabilities.insert(.direct) }
        if configuration.channels != nil { capabilities.insert(.channels) }
        if configuration.eventBus != nil { capabilities.insert(.events) }
        self.messenger = Messenger(
            identity: configuration.identity, transport: configuration.transport, presence: configuration.presence,
            issuer: configuration.authHooks.lazy.compactMap(\.issuer).first, capabilities: capabilities,
            maximumMessageBytes: configuration.maximumMessage.bytes, eventLoopGroup: configuration.eventLoopGroup)
        self.inbound =
            configuration.messageHooks.contains(where: \.takesInbound)
            ? InboundPool(
                hooks: configuration.messageHooks.filter(\.takesInbound), messenger: messenger, metrics: metrics,
                workers: configuration.inboundWorkers, limit: configuration.inboundQueue, logger: configuration.logger)
            : nil
    }

    /// What has to run beside the node, in the order of a `ServiceGroup`: started together, stopped in reverse.
    /// Put the gateway's service behind these.
    public func services(features: [any Feature] = []) -> [any Service] {
        let hooks: [Any] = configuration.authHooks + configuration.messageHooks
        return [configuration.transport, configuration.presence]
            + hooks.flatMap { ($0 as? any RunsServices)?.services ?? [] }
            + [self] + features.flatMap { $0.services(on: self) }
    }

    /// Returns when the node's transport, presence and auth hooks are ready and its subscription stands; throws on
    /// cancellation.
    public func ready() async throws {
        try await configuration.transport.ready()
        try await configuration.presence.ready()
        for hook in configuration.authHooks { try await hook.ready() }
        try await subscribed.wait()
    }

    /// Whether presence keeps up, so that new connections can be let in.
    package var acceptsConnections: Bool {
        changes.count < configuration.maximumPendingChanges
    }

    public func run() async throws {
        onBusLoop { [logger] router in
            router.onMisrouted = { [weak self] in self?.take($0) }
            router.logOversized(to: logger)
        }
        for handle in shards {
            try await handle.submit { self.connect($0) }
        }
        do {
            try await serve()
        } catch {
            await disconnect()
            throw error
        }
        await disconnect()
    }

    private func serve() async throws {
        try await cancelWhenGracefulShutdown { try await self.configuration.transport.ready() }
        try await configuration.transport.subscribe(self, to: identity.allSubjects.map { $0.server(identity.name) })
        configuration.presence.attach(to: self)
        subscribed.open()
        logger.debug("node subscribed", metadata: [LogKey.node: "\(identity.name)"])
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await self.storeChanges() }
            group.addTask { await self.forwardMisrouted() }
            if let inbound { group.addTask { await inbound.run() } }
            group.addTask {
                try? await gracefulShutdown()
                // The gateway has closed its connections by now; what the shards have to say of it is still under way.
                for handle in self.shards { _ = try? await handle.submit { _ in } }
                _ = try? await self.eventLoop.submit {}.get()
                self.inbound?.finish()
                self.misrouted.finish()
                self.changes.finish()
            }
        }
    }

    /// Lets go of the bus and of the shards, which hold on to the node.
    private func disconnect() async {
        await configuration.transport.unsubscribe(self)
        for handle in shards { _ = try? await handle.submit { $0.disconnect() } }
    }

    private func connect(_ shard: Shard) {
        let number = shard.number
        shard.onChange = { change in
            self.onBusLoop { $0.apply(change, shard: number) }
            let connection = ConnectionID(epoch: self.epoch, shard: number, socket: change.socket)
            _ = self.changes.offer(
                PendingChange(
                    change: ConnectionChange(change.kind, change.identity, connection: connection), shard: number,
                    socket: change.socket))
        }
        shard.onReceipt = { receipt, delivered in
            self.onBusLoop { $0.settle(receipt, delivered: delivered) }
        }
    }

    func onBusLoop(_ body: @escaping @Sendable (Router) -> Void) {
        if eventLoop.inEventLoop {
            body(router.value)
        } else {
            eventLoop.execute { body(self.router.value) }
        }
    }

    // MARK: Transport inbox

    public func receive(_ body: ByteBuffer, on subject: String) {
        router.value.receive(body)
    }

    public func burstEnded() {
        router.value.burstEnded()
    }
}
