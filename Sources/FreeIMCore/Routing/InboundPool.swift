import Logging
import Metrics
import NIOCore

/// Runs the hooks that take terminals' messages, in a fixed number of tasks.
///
/// Each connection always goes to the same task, so its messages stay in order. Each task's queue is bounded; a
/// connection's own bound on messages under way is kept by its handler, which stops reading.
package final class InboundPool: Sendable {
    package struct Job: Sendable {
        package let message: InboundMessage
        /// Told the outcome; called on the pool's task.
        package let completion: @Sendable (InboundVerdict) -> Void

        package init(message: InboundMessage, completion: @escaping @Sendable (InboundVerdict) -> Void) {
            self.message = message
            self.completion = completion
        }
    }

    private let hooks: [any MessageHook]
    private let messenger: Messenger
    private let metrics: NodeMetrics
    private let lanes: [Mailbox<Job>]
    private let logger: Logger

    init(
        hooks: [any MessageHook], messenger: Messenger, metrics: NodeMetrics, workers: Int, limit: Int, logger: Logger
    ) {
        self.hooks = hooks
        self.messenger = messenger
        self.metrics = metrics
        self.lanes = (0..<max(1, workers)).map { _ in Mailbox(limit: limit) }
        self.logger = logger
    }

    /// Queues a message. False where the queue is full.
    package func offer(_ job: Job, from socket: SocketID, shard: Int) -> Bool {
        lanes[(Int(socket.index) &+ shard) % lanes.count].offer(job)
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            for lane in lanes {
                group.addTask {
                    while let jobs = await lane.next() {
                        for job in jobs { job.completion(await self.ask(job.message)) }
                    }
                }
            }
        }
    }

    func finish() {
        for lane in lanes { lane.finish() }
    }

    private func ask(_ message: InboundMessage) async -> InboundVerdict {
        for hook in hooks {
            do {
                let verdict = try await hook.receive(message, messenger: messenger)
                if verdict != .next { return verdict }
            } catch {
                metrics.inboundFailures.increment()
                logger.warning("message hook failed", metadata: [LogKey.error: "\(error)"])
                return .handled
            }
        }
        return .handled
    }
}
