import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Accepts terminals for a node, and lets them go when the node stops.
struct WebSocketService: Service, CustomStringConvertible {
    private let configuration: WebSocketConfiguration
    private let identity: TLSIdentity?
    private let node: Node
    private let onListening: @Sendable (SocketAddress) -> Void

    init(
        configuration: WebSocketConfiguration, identity: TLSIdentity?, node: Node,
        onListening: @escaping @Sendable (SocketAddress) -> Void
    ) {
        self.configuration = configuration
        self.identity = identity
        self.node = node
        self.onListening = onListening
    }

    var description: String { WebSocketGateway.id }

    func run() async throws {
        let logger = node.configuration.logger
        try await cancelWhenGracefulShutdown { try await node.ready() }
        let gateway = GatewayContext(configuration: configuration, node: node)
        let listeners = try await bindAll(gateway)
        let clocks = startClocks()
        for (entrance, listener) in listeners {
            guard let address = listener.localAddress else { continue }
            logger.info(
                "listening",
                metadata: [
                    LogKey.address: "\(address.ipAddress ?? "?"):\(address.port ?? 0)",
                    LogKey.listener: entrance.kind,
                    LogKey.node: "\(node.identity.name)",
                    "path": "\(configuration.path)",
                ])
            onListening(address)
        }
        node.lifecycle.serve()
        try? await gracefulShutdown()
        try await Drain(gateway: gateway, listeners: listeners.map(\.channel)).run()
        for clock in clocks { clock.cancel() }
    }

    /// All listeners or none.
    private func bindAll(_ gateway: GatewayContext) async throws -> [(entrance: Entrance, channel: any Channel)] {
        let entrances = Entrance.all(
            configuration.listen, identity, owner: WebSocketGateway.id,
            failures: TLSFailures(part: "gateway", logger: gateway.logger))
        var listeners: [(entrance: Entrance, channel: any Channel)] = []
        do {
            for entrance in entrances { listeners.append((entrance, try await bind(entrance, gateway))) }
        } catch {
            for (_, channel) in listeners { try? await channel.close() }
            throw error
        }
        return listeners
    }

    private func bind(_ entrance: Entrance, _ gateway: GatewayContext) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: node.configuration.eventLoopGroup)
            .serverChannelOption(.backlog, value: Int32(configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: false)
            .childChannelOption(
                .writeBufferWaterMark,
                // Writable while the kernel has taken all; see ``ConnectionHandler``.
                value: .init(low: 1, high: 1)
            )
            .childChannelOptions(of: configuration.slowReceivers)
            // A channel keeps the buffer of its largest read; most read no more than a short handshake, and pongs.
            .childChannelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 256, maximum: 65_536)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard gateway.enter() else { throw ChannelError.operationUnsupported }
                    do {
                        try entrance.prepare(channel)
                        try Self.configure(channel, gateway, peer: channel.remoteAddress)
                    } catch {
                        // Without handlers nobody else counts it out.
                        gateway.leave()
                        throw error
                    }
                }
            }
        do {
            return try await bootstrap.bind(host: entrance.address.host, port: entrance.address.port).get()
        } catch {
            throw ListenError(entrance.address, setting: entrance.setting, cause: error)
        }
    }

    static func configure(_ channel: any Channel, _ gateway: GatewayContext, peer: SocketAddress?) throws {
        guard let shard = gateway.shard(on: channel.eventLoop) else { throw ChannelError.operationUnsupported }
        let limits = gateway.configuration.maxHeader.bytes
        var configuration = NIOHTTPDecoderLimitConfiguration()
        configuration.maxHeaderFieldSize = limits
        configuration.maxHeaderListSize = limits
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: configuration),
            // What a terminal sends behind its request, before it is answered.
            maximumBufferSize: limits)
        let encoder = HTTPResponseEncoder()
        let pipeline = channel.pipeline.syncOperations
        if gateway.expectsProxyHeader(from: peer) {
            // Also in front of TLS, which the proxy hands on as it is.
            try pipeline.addHandler(
                ProxyProtocolHandler { [metrics = gateway.metrics] in metrics.limited[.proxyHeader]?.increment() },
                position: .first)
        }
        try pipeline.addHandler(encoder)
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(
            HandshakeHandler(gateway: gateway, shard: shard, decoder: decoder, encoder: encoder))
    }

    /// One timer per shard drives all its deadlines, and tells how late its loop is.
    private func startClocks() -> [RepeatedTask] {
        let tick = TimeAmount(GatewayContext.tick)
        return node.shards.map { handle in
            let lag = LoopLag(
                of: handle.number, tick: tick, warning: node.configuration.lagWarning, logger: node.configuration.logger
            )
            let bound = NIOLoopBoundBox.makeBoxSendingValue(lag, eventLoop: handle.eventLoop)
            return handle.eventLoop.scheduleRepeatedTask(initialDelay: tick, delay: tick) { _ in
                bound.value.ticked(at: .now())
                handle.shard.tick()
                bound.value.waits(from: .now())
            }
        }
    }
}

extension ServerBootstrap {
    /// Where only the latest of a channel counts, the kernel takes no more than it is about to send: what it has taken can no
    /// longer be replaced (tcp(7), TCP_NOTSENT_LOWAT).
    fileprivate func childChannelOptions(of policy: SlowReceiverPolicy) -> Self {
        guard policy == .latestPerChannel else { return self }
        #if os(Linux)
            return childChannelOption(
                ChannelOptions.Types.SocketOption(
                    level: .tcp, name: NIOBSDSocket.Option(rawValue: CInt(TCP_NOTSENT_LOWAT))), value: 16 * 1_024)
        #else
            return self
        #endif
    }
}
