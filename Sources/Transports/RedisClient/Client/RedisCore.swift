import Logging
import NIOCore
import NIOSSL

/// The parts of a client that live on its event loop.
final class RedisCore {
    let commands: CommandQueue
    let subscriptions: SubscriptionQueue
    private var tracking: RedisTracking?
    /// Changed keys can be heard of.
    private var isRedirected = false
    private var isStopping = false
    private var areCommandsDone = false
    private var isStopped = false
    private var stopped: [EventLoopPromise<Void>] = []

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, intake: Intake, logger: Logger,
        report: @escaping @Sendable (RedisEvent) -> Void
    ) {
        let metrics = RedisMetrics()
        commands = CommandQueue(
            configuration, eventLoop: eventLoop, intake: intake,
            connector: Connector(
                .commands, configuration, eventLoop: eventLoop, logger: logger, metrics: metrics, report: report),
            metrics: metrics)
        subscriptions = SubscriptionQueue(
            configuration, eventLoop: eventLoop,
            connector: Connector(
                .subscriptions, configuration, eventLoop: eventLoop, logger: logger, metrics: metrics, report: report),
            metrics: metrics)
    }

    deinit {
        for promise in stopped { promise.succeed() }
    }

    func start(tls: NIOSSLContext?) {
        guard !isStopping else { return }
        subscriptions.redirect = { [weak self] in self?.redirect(to: $0) }
        commands.becameReady = { [weak self] in self?.commandsReady() }
        commands.start(tls: tls)
        subscriptions.start(tls: tls)
    }

    /// Both connections are closed when the promise succeeds.
    func stop(_ promise: EventLoopPromise<Void>) {
        atEnd(promise)
        guard !isStopping else { return }
        isStopping = true
        subscriptions.stopped = { [weak self] in self?.finishStopping() }
        subscriptions.stop()
        commands.stop { [weak self] in
            self?.areCommandsDone = true
            self?.finishStopping()
        }
    }

    private func finishStopping() {
        guard areCommandsDone, !subscriptions.isConnected else { return }
        isStopped = true
        for promise in stopped { promise.succeed() }
        stopped = []
    }

    /// The promise succeeds when the client has been stopped and both connections are closed.
    func atEnd(_ promise: EventLoopPromise<Void>) {
        if isStopped { promise.succeed() } else { stopped.append(promise) }
    }

    // MARK: Tracking

    func track(_ tracking: RedisTracking, _ tracker: any RedisSubscriber) {
        self.tracking = tracking
        isRedirected = false
        commands.setPreamble([])
        subscriptions.track(tracking, tracker)
    }

    /// Reads happen on one connection, and what is heard of their keys on the other.
    private func redirect(to clientID: Int64?) {
        guard case .keysRead(let ignoringOwn)? = tracking else { return }
        isRedirected = clientID != nil
        guard let clientID else { return commands.setPreamble([]) }
        var arguments: [RedisArgument] = ["TRACKING", "ON", "REDIRECT", .integer(Int(clientID))]
        if ignoringOwn { arguments.append("NOLOOP") }
        commands.setPreamble([RedisCommand("CLIENT", arguments)])
    }

    /// Redis forgot what the connection before had read.
    private func commandsReady() {
        if isRedirected { subscriptions.invalidateAll() }
    }
}
