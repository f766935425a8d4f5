import NIOCore
import NIOSSL

/// The subscriptions of a client, between its subscribers and its connection. On its event loop only.
///
/// The connection is made for the first subscription and kept from then on; each new one subscribes everything again.
final class SubscriptionQueue {
    private let configuration: RedisClientConfiguration
    private let eventLoop: any EventLoop
    private let connector: Connector
    private let timer: LoopTimer
    /// Asks again for channels that Redis has refused.
    private let retry: LoopTimer
    private var table = SubscriptionTable()
    private var connection: SubscriberConnection?
    /// The connection has been reported ready.
    private var isReported = false
    private var start: (() -> Void)?
    private var isStarted = false
    private var isStopped = false

    private var tracking: RedisTracking?
    private var tracker: (any RedisSubscriber)?
    /// Tells the number of a connection that can hear of changed keys; nil when it is gone.
    var redirect: ((Int64?) -> Void)?

    private let burst: Burst

    /// Channels of one SUBSCRIBE.
    private static let channelsPerCommand = 1_000

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, connector: Connector,
        metrics: RedisMetrics
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.connector = connector
        burst = Burst(metrics: metrics)
        timer = LoopTimer(eventLoop)
        retry = LoopTimer(eventLoop)
        timer.start { [weak self] in self?.expire() }
        retry.start { [weak self] in self?.askAgain() }
    }

    deinit {
        table.failAll(.gone)
    }

    /// From now on a connection may be made.
    func start(tls: NIOSSLContext?) {
        start = { [weak self] in
            guard let self else { return }
            connector.start(tls: tls) { [weak self] deadline throws(RedisError) in
                guard let self else { throw .gone }
                return try adopt(deadline)
            }
        }
        connectIfWanted()
    }

    private func connectIfWanted() {
        guard !isStarted, !isStopped, let start, !table.channels.isEmpty || tracking != nil else { return }
        isStarted = true
        start()
    }

    func stop() {
        isStopped = true
        start = nil
        redirect = nil
        timer.cancel()
        retry.cancel()
        connector.stop()
        table.failAll(.stopped)
        connection?.close(.stopping)
        tracker = nil
    }

    /// False when the last connection has closed.
    var isConnected: Bool { connection != nil }

    // MARK: Subscribers

    func subscribe(_ subscriber: any RedisSubscriber, to names: [String], promise: EventLoopPromise<Void>) {
        guard !isStopped else { return promise.fail(RedisError.stopped) }
        guard table.waiting < configuration.maxWaiting else {
            return promise.fail(
                RedisError(.overloaded, "\(table.waiting) calls wait for subscriptions already; that is the limit"))
        }
        let deadline = eventLoop.now + TimeAmount(configuration.commandTimeout)
        let wanted = table.subscribe(subscriber, to: names, deadline: deadline, promise: promise)
        ask(wanted)
        connectIfWanted()
        if let deadline = table.nextDeadline { timer.fire(noLaterThan: deadline) }
    }

    func unsubscribe(_ subscriber: any RedisSubscriber, from names: [String]?) {
        drop(table.unsubscribe(subscriber, from: names.map { $0.map { ByteBuffer(string: $0) } }))
    }

    /// A standing connection is made anew: Redis takes CLIENT TRACKING only before the first SUBSCRIBE.
    func track(_ tracking: RedisTracking, _ tracker: any RedisSubscriber) {
        guard !isStopped else { return }
        self.tracking = tracking
        self.tracker = tracker
        connection?.close(RedisError(.connectionLost, "made anew in order to track keys"))
        connectIfWanted()
    }

    /// Keys that were read may have changed unheard.
    func invalidateAll() {
        tracker?.invalidated(nil)
    }

    private func expire() {
        let error =
            connection?.isReady == true
            ? RedisError(.timeout, "Redis did not confirm a subscription before the deadline")
            : connector.noConnection
        drop(table.expire(now: eventLoop.now, error))
        if let deadline = table.nextDeadline { timer.fire(noLaterThan: deadline) }
    }

    // MARK: Redis

    private func ask(_ channels: [ByteBuffer]) {
        guard let connection, connection.isReady, !channels.isEmpty else { return }
        for start in stride(from: 0, to: channels.count, by: Self.channelsPerCommand) {
            let portion = channels[start..<min(start + Self.channelsPerCommand, channels.count)]
            connection.subscribe(Array(portion))
            for channel in portion { table.asked(channel) }
        }
        connection.flush()
    }

    private func drop(_ channels: [ByteBuffer]) {
        guard let connection, connection.isReady, !channels.isEmpty else { return }
        for channel in channels { connection.unsubscribe(channel) }
        connection.flush()
    }

    private func adopt(_ deadline: NIODeadline) throws(RedisError) -> Wire {
        let events = SubscriberConnection.Events(
            ready: { [weak self] in self?.ready() },
            received: { [weak self] in self?.received($0) },
            burstEnded: { [burst] in burst.end() },
            closed: { [weak self] in self?.closed($0) })
        let connection = try SubscriberConnection(
            configuration, eventLoop: eventLoop, handshakeDeadline: deadline, events: events)
        self.connection = connection
        return connection.wire
    }

    private func ready() {
        guard let connection else { return }
        if let tracking {
            guard let clientID = connection.clientID else {
                return connection.close(RedisError(.noPerm, "tracking of keys needs the right to CLIENT ID"))
            }
            if case .prefixes(let prefixes) = tracking { connection.track(prefixes, clientID: clientID) }
            connection.subscribe([SubscriberState.invalidations])
            connection.flush()
        }
        ask(table.wanted)
        reportIfSettled()
    }

    private func reportIfSettled() {
        guard !isReported, let connection, connection.isSettled else { return }
        isReported = true
        if case .keysRead? = tracking { redirect?(connection.clientID) }
        if tracking != nil { invalidateAll() }
        connector.ready(clientID: connection.clientID)
    }

    private func closed(_ reason: RedisError) {
        connection = nil
        isReported = false
        table.disconnected()
        redirect?(nil)
        connector.lost(reason)
        if isStopped { stopped?() }
    }

    /// Called when the last connection has closed after ``stop()``.
    var stopped: (() -> Void)?

    private func received(_ action: SubscriberState.Action) {
        switch action {
        case .message(let channel, let body): deliver(body, on: channel)
        case .invalidated(let keys): invalidate(keys)
        case .subscribed(let channel): table.confirmed(channel)
        case .refused(let channels, let error): refused(channels, error)
        case .nothing, .end: break
        }
        if !isReported { reportIfSettled() }
    }

    private func refused(_ channels: [ByteBuffer], _ error: RedisError) {
        guard let connection, connection.isReady else { return }
        // The ACL refuses a SUBSCRIBE as a whole for one of its channels: halved until that one stands alone.
        if channels.count > 1, error.code == .noPerm {
            let rest = table.refusedTogether(channels)
            let half = (rest.count + 1) / 2
            for portion in [rest.prefix(half), rest.dropFirst(half)] where !portion.isEmpty {
                connection.subscribe(Array(portion))
            }
            return connection.flush()
        }
        connector.refused(error)
        drop(table.refused(channels, error))
        let isWanted = channels.contains { table.channels[$0]?.receivers.isEmpty == false }
        if channels.contains(SubscriberState.invalidations) || (isWanted && error.code != .noPerm) {
            connection.close(error)
        } else if isWanted {
            // Somebody still has what was allowed before.
            retry.fire(noLaterThan: eventLoop.now + TimeAmount(configuration.backoff.maximum))
        }
    }

    private func askAgain() {
        ask(table.wanted)
    }

    // MARK: Messages

    private func deliver(_ body: ByteBuffer, on key: ByteBuffer) {
        guard let channel = table.channels[key] else { return }
        burst.deliver(body, on: channel)
    }

    private func invalidate(_ keys: [ByteBuffer]?) {
        guard let tracker else { return }
        burst.invalidate(keys, at: tracker)
    }
}
