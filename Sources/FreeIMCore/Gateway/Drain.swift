import Logging
import NIOCore

/// Lets a gateway's terminals go when the node stops: none at first (`drain_delay`), then so many per second
/// (`drain_rate`), all that are left in a hurry. Who does not answer is cut by the shards' clocks after `close_timeout`.
struct Drain {
    let gateway: GatewayContext
    let listeners: [any Channel]

    private var node: Node { gateway.node }
    private var logger: Logger { gateway.logger }

    /// Returns when the last socket is gone; on cancellation, the shutdown deadline, it cuts them.
    func run() async throws {
        let start = ContinuousClock.now
        node.lifecycle.leave()
        do {
            try await delay()
            try await letGo(since: start)
            gateway.census.close()
            await stopListening()
            for handle in node.shards { handle.run { $0.goAwayAll() } }
            try await gateway.census.waitUntilEmpty()
        } catch {
            gateway.census.close()
            await stopListening()
            logger.warning(
                "out of time, sockets are cut", metadata: [LogKey.count: "\(gateway.census.count)"])
            for handle in node.shards { handle.run { $0.abortAll() } }
            throw error
        }
    }

    private func stopListening() async {
        for listener in listeners { try? await listener.close() }
    }

    /// Terminals are served, and new ones let in, while load balancers notice that the node is not ready any more.
    private func delay() async throws {
        let delay = gateway.configuration.drainDelay
        guard delay > .zero else { return }
        logger.info("not ready any more, serving for drain_delay", metadata: ["delay": "\(delay.sectionText)"])
        try await node.lifecycle.hurrying.wait(atMost: delay)
    }

    private func letGo(since start: ContinuousClock.Instant) async throws {
        gateway.census.refuse()
        let count = gateway.census.count
        let plan = plan(count, within: node.configuration.shutdownTimeout.map { $0 - (.now - start) })
        gateway.departure.plan(spread: plan.spread, end: .now() + TimeAmount(GatewayContext.tick * plan.ticks))
        let metadata: Logger.Metadata = [
            LogKey.count: "\(count)", "rate": plan.rate == 0 ? "all at once" : "\(plan.rate)/s",
        ]
        logger.info("draining", metadata: metadata)
        if plan.isRaised {
            logger.warning("drain_rate is raised, since shutdown_timeout is too short for it", metadata: metadata)
        }
        let told = Countdown(node.shards.count)
        for handle in node.shards { handle.run { $0.leave(over: plan.ticks, told.arrive) } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await told.done.wait() }
            group.addTask {
                try await node.lifecycle.hurrying.wait()
                hurry()
                try await told.done.wait()
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func hurry() {
        let count = gateway.census.count
        logger.notice("hurried, every terminal is told at once", metadata: [LogKey.count: "\(count)"])
        // As if there were no time: only their way back is spread.
        gateway.departure.plan(spread: plan(count, within: .zero).spread, end: .now())
        for handle in node.shards { handle.run { $0.goAwayAll() } }
    }

    private func plan(_ count: Int, within time: Duration?) -> DrainPlan {
        DrainPlan(
            count: count, rate: gateway.configuration.drainRate, within: time,
            closeTimeout: gateway.configuration.closeTimeout)
    }
}
