import NIOCore
import NIOPosix
import Synchronization

/// Stands between a node and Redis, and lets through what it is told. Everything is on one event loop.
final class Proxy: Sendable {
    private struct Weather {
        var delay = TimeAmount.zero
        var isCut = false
        var stalled: Set<Direction> = []
        var isRough = false
        /// By what comes in there.
        var channels: [ObjectIdentifier: (channel: any Channel, direction: Direction)] = [:]
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

    /// Bytes come as TCP hands them on over a network that loses and reorders packets: in pieces, late, and after a packet
    /// that had to be sent again all at once.
    var isRough: Bool {
        get { weather.withLock { $0.isRough } }
        set(isRough) { weather.withLock { $0.isRough = isRough } }
    }

    /// Resets what is open, and refuses what comes.
    func cut(_ isCut: Bool) {
        for (channel, _) in channels({ $0.isCut = isCut }) where isCut { channel.close(promise: nil) }
    }

    /// Lets what is open stay open, and nothing pass in these directions.
    func stall(_ stalled: Set<Direction>) {
        for (channel, direction) in channels({ $0.stalled = stalled }) {
            let passes = !stalled.contains(direction)
            channel.setOption(.autoRead, value: passes).whenSuccess { if passes { channel.read() } }
        }
    }

    private func channels(
        _ change: (inout Weather) -> Void
    ) -> [(channel: any Channel, direction: Direction)] {
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
                for (channel, other, direction) in [(node, redis, Direction.toRedis), (redis, node, .toNode)] {
                    try channel.pipeline.syncOperations.addHandler(Passage(to: other, of: self))
                    let isStalled = self.weather.withLock { weather in
                        weather.channels[ObjectIdentifier(channel)] = (channel, direction)
                        return weather.stalled.contains(direction)
                    }
                    guard !isStalled else { continue }
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
        var bytes = unwrapInboundIn(data)
        guard proxy.isRough else { return pass(bytes, after: TimeAmount(proxy.delay), context) }
        // A lost packet is sent again after a fifth of a second at the earliest, and what is behind it waits.
        let again = Int.random(in: 0..<30) == 0 ? Int.random(in: 200...400) : 0
        for number in 0... {
            let length = min(number < 8 ? 1 : Int.random(in: 1...1_400), bytes.readableBytes)
            guard let piece = bytes.readSlice(length: length), length > 0 else { break }
            pass(piece, after: .milliseconds(Int64(again + Int.random(in: 0...20))), context)
        }
    }

    private func pass(_ bytes: ByteBuffer, after delay: TimeAmount, _ context: ChannelHandlerContext) {
        let due = max(.now() + delay, lastDue)
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
