import NIOCore
import Synchronization

/// Commands on their way from any thread to the event loop; counts all that wait, there and here.
final class Intake: Sendable {
    enum Outcome {
        /// `wakes`: the loop has to be told.
        case taken(wakes: Bool)
        case refused(RedisError)
    }

    private struct State {
        var submissions: [Submission] = []
        var count = 0
        var bytes = 0
        var isWoken = false
        var isFinished = false
    }

    private let maxCount: Int
    private let maxBytes: Int
    private let state = Mutex(State())

    init(_ configuration: RedisClientConfiguration) {
        maxCount = configuration.maxWaiting
        maxBytes = configuration.maxWaitingBytes
    }

    func offer(_ submission: Submission) -> Outcome {
        state.withLock { state in
            guard !state.isFinished else { return .refused(.stopped) }
            guard submission.count <= maxCount - state.count else {
                return .refused(
                    RedisError(.overloaded, "\(state.count) commands wait for Redis already; the limit is \(maxCount)"))
            }
            guard submission.bytes.readableBytes <= maxBytes - state.bytes else {
                return .refused(
                    RedisError(.overloaded, "\(state.bytes) bytes wait for Redis already; the limit is \(maxBytes)"))
            }
            state.count += submission.count
            state.bytes += submission.bytes.readableBytes
            state.submissions.append(submission)
            defer { state.isWoken = true }
            return .taken(wakes: !state.isWoken)
        }
    }

    /// What has come since the last call, in order. It counts as waiting until ``release(count:bytes:)``.
    func take() -> [Submission] {
        state.withLock { state in
            state.isWoken = false
            defer { state.submissions = [] }
            return state.submissions
        }
    }

    /// Commands wait no more: sent or failed.
    func release(count: Int, bytes: Int) {
        state.withLock { state in
            state.count -= count
            state.bytes -= bytes
        }
    }

    /// Refuses everything from now on; what is there can still be taken.
    func finish() {
        state.withLock { $0.isFinished = true }
    }
}
