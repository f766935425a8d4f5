package import NIOCore

/// A shard as other threads hold it.
package struct ShardHandle: Sendable {
    package let eventLoop: any EventLoop
    package let number: Int
    private let box: NIOLoopBoundBox<Shard>

    init(eventLoop: any EventLoop, number: Int) {
        self.eventLoop = eventLoop
        self.number = number
        self.box = NIOLoopBoundBox.makeBoxSendingValue(
            Shard(eventLoop: eventLoop, number: number), eventLoop: eventLoop)
    }

    /// The shard; only on its loop.
    package var shard: Shard { box.value }

    /// Runs `body` on the shard's loop: at once where that is the current one.
    package func run(_ body: @escaping @Sendable (Shard) -> Void) {
        if eventLoop.inEventLoop {
            body(shard)
        } else {
            eventLoop.execute { body(self.shard) }
        }
    }

    /// As ``run(_:)``, and waits for the result.
    package func submit<Result: Sendable>(_ body: @escaping @Sendable (Shard) -> Result) async throws -> Result {
        try await eventLoop.submit { body(self.shard) }.get()
    }
}
