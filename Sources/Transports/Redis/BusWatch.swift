import FreeIMCore
import Logging
import Metrics
import NIOCore
import RedisClient
import Synchronization

/// Sees whether the bus carries messages: publishes canaries to a channel of its own and listens for them.
final class BusWatch: RedisSubscriber {
    private let client: RedisClient
    private let interval: Duration
    private let logger: Logger
    /// Nobody else knows it.
    private let channel = "freeim_canary_\(String(UInt64.random(in: 0 ... .max), radix: 16))"
    private let metrics: RedisTransportMetrics

    private struct State {
        var bus: BusState
        /// Open while the bus is up; another one after each outage.
        var gate = Gate()
        /// Canaries that Redis has yet to take.
        var underWay = 0
    }

    private let state: Mutex<State>
    /// ``BusState/Phase/up``, for whoever cannot wait for a lock.
    private let isUpNow = Atomic(false)

    init(
        _ configuration: RedisTransportConfiguration, link: RedisLink, metrics: RedisTransportMetrics, logger: Logger
    ) {
        client = link.client
        interval = configuration.canaryInterval
        self.metrics = metrics
        self.logger = logger
        state = Mutex(State(bus: BusState(timeout: TimeAmount(configuration.canaryTimeout))))
        link.observe { [weak self] in self?.observe($0) }
    }

    var isUp: Bool { isUpNow.load(ordering: .acquiring) }

    /// Returns when the bus is up; throws on cancellation.
    func ready() async throws {
        try await state.withLock { $0.gate }.wait()
    }

    /// Sends canaries until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.subscribe() }
            group.addTask {
                while !Task.isCancelled {
                    // Behind what the loop has read: a canary that has come is not overdue. The time is that of the beat,
                    // or a busy loop would find a canary overdue one beat late.
                    let now = NIODeadline.now()
                    self.client.eventLoop.execute { self.beat(now) }
                    try? await Task.sleep(for: self.interval)
                }
            }
        }
        stop()
    }

    /// For as long as it takes: Redis may be away, or refuse.
    private func subscribe() async {
        while !Task.isCancelled {
            do {
                return try await client.subscribe(self, to: [channel])
            } catch {
                state.withLock { $0.bus.note(error.description) }
                try? await Task.sleep(for: interval)
            }
        }
    }

    private func beat(_ now: NIODeadline) {
        change(now: now) { $0.look(now: $1) }
        if state.withLock({ $0.underWay == 0 }) { sendCanary(now: now) }
    }

    private func sendCanary(now: NIODeadline) {
        state.withLock { state in
            state.underWay += 1
            state.bus.sent(now: now)
        }
        client.send(RedisCommand("PUBLISH", .string(channel), "")).whenComplete { result in
            self.state.withLock { state in
                state.underWay -= 1
                if case .failure(let error) = result { state.bus.note("\(error)") }
            }
        }
    }

    func received(_ body: ByteBuffer, on channel: String) {
        change { $0.heard(now: $1) }
    }

    func burstEnded() {}

    private func observe(_ event: RedisEvent) {
        switch event.change {
        case .connected: break
        // At once: until it is heard the bus counts as lost.
        case .ready: sendCanary(now: .now())
        case .disconnected(let error) where error.code == .stopped: stop()
        case .disconnected(let error):
            if event.connection == .subscriptions {
                change { $0.disconnected(error.description, now: $1) }
            } else {
                state.withLock { $0.bus.note(error.description) }
            }
        }
    }

    private func stop() {
        change { state, _ in
            state.stop()
            return nil
        }
        metrics.up.record(0)
    }

    private func change(now: NIODeadline = .now(), _ step: (inout BusState, NIODeadline) -> BusState.Change?) {
        let (change, gate) = state.withLock { state in
            let change = step(&state.bus, now)
            isUpNow.store(state.bus.phase == .up, ordering: .releasing)
            let gate = state.gate
            if case .lost(_, wasUp: true)? = change { state.gate = Gate() }
            return (change, gate)
        }
        switch change {
        case .up(let away):
            metrics.up.record(1)
            if let away {
                logger.info("bus is back", metadata: ["away": "\(Duration(away))"])
            } else {
                logger.debug("bus is up")
            }
            gate.open()
        case .lost(let reason, let wasUp):
            metrics.up.record(0)
            if wasUp { metrics.outages.increment() }
            logger.warning(wasUp ? "bus lost" : "bus not reached yet", metadata: [LogKey.reason: "\(reason)"])
        case nil: break
        }
    }
}
