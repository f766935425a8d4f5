public import FreeIMCore
import Metrics
public import NIOCore
import ServiceLifecycle
import Synchronization

/// The bus of one process. Several nodes of one process may share it.
///
/// Each subscriber has a queue that its event loop empties in bursts: what was published since the last turn is
/// delivered together. A full queue makes publishers wait, in order, and then fail.
public final class MemoryTransport: Transport {
    private let configuration: MemoryConfiguration
    private let eventLoopGroup: any EventLoopGroup
    private let bus: Mutex<MemoryBus>
    private let expired = Counter(label: "freeim_memory_publish_timeouts_total")
    private let rejected = Counter(label: "freeim_memory_publish_rejections_total")

    /// - Parameter eventLoopGroup: makes the futures of ``publish(_:)``; not shut down.
    public init(_ configuration: MemoryConfiguration = MemoryConfiguration(), eventLoopGroup: any EventLoopGroup) {
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
        self.bus = Mutex(MemoryBus(maxPending: configuration.maxPending, maxWaiting: configuration.maxWaiting))
    }

    public func publish(_ messages: [BusMessage]) -> EventLoopFuture<Void> {
        let eventLoop = eventLoopGroup.any()
        let (outcome, wake) = bus.withLock { bus in
            let outcome = bus.publish(messages) { eventLoop.makePromise() }
            return (outcome, bus.takeIdle())
        }
        for subscriber in wake { schedule(subscriber) }
        switch outcome {
        case .taken:
            return eventLoop.makeSucceededVoidFuture()
        case .waiting(let ticket, let promise):
            let expiry = promise.futureResult.eventLoop.scheduleTask(in: TimeAmount(configuration.publishTimeout)) {
                self.expire(ticket)
            }
            promise.futureResult.whenComplete { _ in expiry.cancel() }
            return promise.futureResult
        case .rejected:
            rejected.increment()
            return eventLoop.makeFailedFuture(
                TransportError(
                    .overloaded,
                    "\(configuration.maxWaiting) publications wait already; slow down, or raise 'max_waiting'"))
        }
    }

    public func subscribe(_ inbox: any TransportInbox, to subjects: [String]) async throws(TransportError) {
        bus.withLock { $0.subscribe(inbox, to: subjects) }
    }

    public func unsubscribe(_ inbox: any TransportInbox) async {
        let (released, wake) = bus.withLock { bus in
            let released = bus.unsubscribe(inbox)
            return (released, bus.takeIdle())
        }
        finish(released)
        for subscriber in wake { schedule(subscriber) }
    }

    public func ready() async throws {}

    public func run() async throws {
        try? await gracefulShutdown()
    }

    private func schedule(_ subscriber: MemorySubscriber) {
        subscriber.inbox.eventLoop.execute { self.deliver(to: subscriber) }
    }

    /// One burst, on the subscriber's loop.
    private func deliver(to subscriber: MemorySubscriber) {
        let (burst, released, wake) = bus.withLock { bus in
            let burst = bus.takeBurst(of: subscriber, limit: configuration.maxBurst)
            let released = bus.releaseWaiting()
            return (burst, released, bus.takeIdle())
        }
        finish(released)
        for message in burst { subscriber.inbox.receive(message.body, on: message.subject) }
        if !burst.isEmpty { subscriber.inbox.burstEnded() }
        for subscriber in wake { schedule(subscriber) }
    }

    private func finish(_ released: [EventLoopPromise<Void>]) {
        for promise in released { promise.succeed() }
    }

    private func expire(_ ticket: UInt64) {
        let (promise, released, wake) = bus.withLock { bus in
            let promise = bus.withdraw(ticket)
            let released = promise == nil ? [] : bus.releaseWaiting()
            return (promise, released, bus.takeIdle())
        }
        finish(released)
        for subscriber in wake { schedule(subscriber) }
        guard let promise else { return }
        expired.increment()
        promise.fail(
            TransportError(
                .overloaded,
                """
                no room for \(configuration.publishTimeout): a subscriber has \(configuration.maxPending) messages \
                waiting; slow down, or raise 'max_pending'
                """))
    }
}
