import NIOCore
import NIOPosix
import Synchronization

/// Stands between a node and Redis, and lets through what it is told. Everything is on one event loop.
final class Proxy: Sendable {
    private struct Weather {
        var delay = TimeAmount.zero
        var isCut = false
        var isStalled = false
        var channels: [ObjectIdentifier: any Channel] = [:]
    }

    private let redis: Int
    private let eventLoop: any EventLoop
    private let weather = Mutex(Weather())

    init(to redis: Int, on eventLoop: any EventLoop) {
        self.redis = redis
        self.eventLoop = eventLoop
    }

    /// Returns the port of 127.0.0.1 at which it listens, until its event loop ends.
    func start() async throws -> Int {
        let listener = try await ServerBootstrap(group: eventLoop)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Entrance(of: self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return listener.localAddress?.port ?? 0
    }

    var delay: Duration {
        get { .nanoseconds(weather.withLock { $0.delay.nanoseconds }) }
        set(later) { weather.withLock { $0.delay = TimeAmount(later) } }
    }

    /// Resets what is open, and refuses what comes.
    func cut(_ isCut: Bool) {
        for channel in channels({ $0.isCut = isCut }) where isCut { channel.close(promise: nil) }
    }

    /// Lets what is open stay open, and nothing pass.
    func stall(_ isStalled: Bool) {
        for channel in channels({ $0.isStalled = isStalled }) {
            channel.setOption(.autoRead, value: !isStalled).whenSuccess { if !isStalled { channel.read() } }
        }
    }

    private func channels(_ change: (inout Weather) -> Void) -> [any Channel] {
        weather.withLock { weather in
            change(&weather)
            return Array(weather.channels.values)
        }
    }

    fileprivate func accepted(_ node: any Channel) {
        guard !weather.withLock({ $0.isCut }) else { return node.close(promise: nil) }
        ClientBootstrap(group: node.eventLoop)
            .channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: redis)
            .flatMapThrowing { redis in
                for (channel, other) in [(node, redis), (redis, node)] {
                    try channel.pipeline.syncOperations.addHandler(Passage(to: other, of: self))
                    self.weather.withLock { $0.channels[ObjectIdentifier(channel)] = channel }
                }
                guard !self.weather.withLock({ $0.isStalled }) else { return }
                for channel in [node, redis] {
                    channel.setOption(.autoRead, value: true).whenSuccess { channel.read() }
                }
            }
            .whenFailure { _ in node.close(promise: nil) }
    }

    fileprivate func forget(_ channel: any Channel) {
        weather.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
    }
}

private final class Entrance: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let proxy: Proxy

    init(of proxy: Proxy) {
        self.proxy = proxy
    }

    func channelActive(context: ChannelHandlerContext) {
        proxy.accepted(context.channel)
    }
}

/// One direction of a connection.
private final class Passage: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let proxy: Proxy
    /// What is delayed less must not overtake.
    private var lastDue = NIODeadline.uptimeNanoseconds(0)

    init(to other: any Channel, of proxy: Proxy) {
        self.other = other
        self.proxy = proxy
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        let due = max(.now() + TimeAmount(proxy.delay), lastDue)
        lastDue = due
        let other = other
        context.eventLoop.assumeIsolated().scheduleTask(deadline: due) { other.writeAndFlush(bytes, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        proxy.forget(context.channel)
        other.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
