import FreeIMCore
import FreeIMTestSupport
import InMemoryLogging
import Logging
import MetricsTestKit
import NIOCore
import NIOPosix
import RedisClient
import RedisTestSupport

@testable import FreeIMRedis

/// A transport that runs, with what it logs and counts.
struct Bus {
    static let node = NodeIdentity(name: "a:1", servers: ["a:1", "b:2"])
    /// The subject of ``node`` alone.
    static let own = node.subjects.server("a:1")
    static let other = node.subjects.server("b:2")

    let transport: RedisTransport
    private let log = InMemoryLogHandler()
    private let metrics = TestMetrics()
    private let events = EventLog()

    init(
        _ url: String, node: NodeIdentity? = Bus.node,
        _ configure: (inout RedisTransportConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = RedisTransportConfiguration()
        configuration.options.url = url
        configuration.canaryInterval = .milliseconds(20)
        configure(&configuration)
        let log = log
        let logger = Logger(label: "test", factory: { _ in log })
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        transport = RedisTransport(
            configuration, node: node,
            link: try RedisLink(configuration.options, eventLoop: loop, logger: .silent), logger: logger,
            metrics: RedisTransportMetrics(factory: metrics))
        transport.link.observe { [events] in events.append($0) }
    }

    /// The client's.
    var loop: any EventLoop { transport.link.client.eventLoop }

    func publish(_ subject: String, _ text: String) -> EventLoopFuture<Void> {
        transport.publish([BusMessage(subject: subject, body: ByteBuffer(string: text))])
    }

    /// `ready()`, as something that has a deadline.
    func ready() -> EventLoopFuture<Void> {
        loop.makeFutureWithTask { [transport] in try await transport.ready() }
    }

    /// On the client's loop without another one.
    func subscribed(to subjects: String..., on loop: (any EventLoop)? = nil) async throws -> RecordingInbox {
        let inbox = RecordingInbox(on: loop ?? self.loop)
        try await transport.subscribe(inbox, to: subjects)
        return inbox
    }

    // MARK: What it tells

    /// `level: message`, in order.
    var logged: [String] { log.entries.map { "\($0.level): \($0.message)" } }

    func metadata(_ message: String, _ key: String) -> String? {
        log.entries.first { "\($0.message)" == message }?.metadata[key].map { "\($0)" }
    }

    /// Waits until the bus counts as lost and no connection stands.
    func waitForLoss() async throws {
        try await waitForLog("bus lost")
        try await eventually(within: .seconds(15)) { events.hasLost(.commands) && events.hasLost(.subscriptions) }
    }

    func waitForLog(_ message: String, within deadline: Duration = .seconds(30)) async throws {
        try await eventually(within: deadline) { log.entries.contains { "\($0.message)" == message } }
    }

    func count(_ counter: String) -> Int64 {
        (try? metrics.expectCounter("freeim_redis_\(counter)_total").totalValue) ?? 0
    }

    var upGauge: Double? { try? metrics.expectGauge("freeim_redis_up").lastValue }
}

/// Runs `body` beside a transport that is ready.
func withBus(
    _ server: RedisServer, node: NodeIdentity? = Bus.node,
    _ configure: (inout RedisTransportConfiguration) -> Void = { _ in }, body: (Bus) async throws -> Void
) async throws {
    let bus = try Bus(server.url, node: node, configure)
    try await running([bus.transport]) {
        try await value(of: bus.ready(), within: .seconds(15))
        try await body(bus)
    }
}

/// The error that a future of the transport fails with; nil where it succeeds.
func transportError(_ future: EventLoopFuture<Void>, within deadline: Duration = .seconds(30)) async throws
    -> TransportError?
{
    do {
        try await value(of: future, within: deadline)
        return nil
    } catch let error as TransportError {
        return error
    }
}
