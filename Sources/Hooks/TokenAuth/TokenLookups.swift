import FreeIMCore
import NIOCore
import RedisClient
import Synchronization

/// Takes tokens out of Redis, those of a burst many at a time.
///
/// A look-up goes out at once where none has gone out shortly before, see ``BurstPace``. Otherwise it waits until the
/// pause is over, and then shares a command with all that came meanwhile.
final class TokenLookups: Sendable {
    private struct Waiter {
        let token: Token
        let promise: EventLoopPromise<RedisValue>
    }

    private struct State {
        var waiting: [Waiter] = []
        /// From when on the next portion may go out.
        var due = NIODeadline.uptimeNanoseconds(0)
    }

    private enum Step {
        case send
        case wait
        case schedule(NIODeadline)
        case refuse
    }

    private let limit: Int
    private let eventLoop: any EventLoop
    /// Answers in the tokens' order.
    private let take: @Sendable ([Token]) -> EventLoopFuture<[RedisValue]>
    private let state = Mutex(State())

    /// Tokens of one command: Redis serves nobody else for about half a millisecond.
    private static let portion = 256

    /// - Parameter limit: look-ups that wait for their turn; further ones fail at once.
    init(
        limit: Int, eventLoop: any EventLoop, take: @escaping @Sendable ([Token]) -> EventLoopFuture<[RedisValue]>
    ) {
        self.limit = limit
        self.eventLoop = eventLoop
        self.take = take
    }

    /// What is stored under the token; null where there is nothing, an error where Redis has one for this token.
    func value(of token: Token) async throws(RedisError) -> RedisValue {
        try await CancellableWait().value(of: submit(token))
    }

    /// May be called on any thread; the future is one of `eventLoop`.
    func submit(_ token: Token) -> EventLoopFuture<RedisValue> {
        let waiter = Waiter(token: token, promise: eventLoop.makePromise())
        let now = eventLoop.now
        let step = state.withLock { state -> Step in
            guard state.waiting.isEmpty else {
                guard state.waiting.count < limit else { return .refuse }
                state.waiting.append(waiter)
                return .wait
            }
            if state.due > now {
                state.waiting.append(waiter)
                return .schedule(state.due)
            }
            state.due = now + TimeAmount(BurstPace.pause(after: 1))
            return .send
        }
        switch step {
        case .send: send([waiter])
        case .wait: break
        case .schedule(let due):
            // Runs once and ends with the loop at the latest; there is one as long as somebody waits.
            eventLoop.scheduleTask(deadline: due) { self.sendWaiting() }.futureResult.whenFailure { self.fail($0) }
        case .refuse:
            waiter.promise.fail(RedisError(.overloaded, "\(limit) tokens wait to be looked up already"))
        }
        return waiter.promise.futureResult
    }

    private func sendWaiting() {
        let waiting = takeWaiting()
        for start in stride(from: 0, to: waiting.count, by: Self.portion) {
            send(waiting[start..<min(start + Self.portion, waiting.count)])
        }
    }

    private func takeWaiting() -> [Waiter] {
        let now = eventLoop.now
        return state.withLock { state in
            defer { state.waiting = [] }
            state.due = now + TimeAmount(BurstPace.pause(after: state.waiting.count))
            return state.waiting
        }
    }

    private func send(_ portion: ArraySlice<Waiter>) {
        take(portion.map(\.token)).whenComplete { result in
            switch result {
            case .success(let values) where values.count == portion.count:
                for (waiter, value) in zip(portion, values) { waiter.promise.succeed(value) }
            case .success(let values):
                let error = RedisError(.protocolViolation, "\(values.count) answers for \(portion.count) tokens")
                for waiter in portion { waiter.promise.fail(error) }
            case .failure(let error):
                for waiter in portion { waiter.promise.fail(error) }
            }
        }
    }

    private func fail(_ error: any Error) {
        for waiter in takeWaiting() { waiter.promise.fail(error) }
    }
}
