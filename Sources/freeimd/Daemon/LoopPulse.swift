import FreeIMCore
import Synchronization

/// Whether an event loop turns, and how many connections it has, as seen by another thread.
final class LoopPulse: Sendable {
    private let shard: ShardHandle
    private let isAsked = Atomic(false)
    private let known = Atomic(0)

    init(_ shard: ShardHandle) {
        self.shard = shard
    }

    var number: Int { shard.number }
    /// At its last answer.
    var connections: Int { known.load(ordering: .relaxed) }
    /// Whether the loop has turned since it was asked last.
    var hasAnswered: Bool { !isAsked.load(ordering: .acquiring) }

    /// Without effect where the last question is not answered yet.
    func ask() {
        guard !isAsked.exchange(true, ordering: .acquiringAndReleasing) else { return }
        shard.run { shard in
            self.known.store(shard.connectionCount, ordering: .relaxed)
            self.isAsked.store(false, ordering: .releasing)
        }
    }
}
