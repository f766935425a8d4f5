package import NIOCore
import Synchronization

extension RedisClient {
    /// Sends a command and waits for the reply.
    ///
    /// - Throws: an error reply, or one of the client's codes; ``RedisError/Code/cancelled`` when the task is cancelled,
    ///   and then whether the command is carried out is unknown.
    public func send(_ command: RedisCommand) async throws(RedisError) -> RedisValue {
        let future: EventLoopFuture<RedisValue> = send(command)
        return try await CancellableWait().value(of: future)
    }

    /// Sends commands in one piece and waits for the replies; error replies stand in their places.
    ///
    /// - Throws: where the connection failed; `cancelled` as above.
    public func pipeline(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        let future: EventLoopFuture<[RedisValue]> = pipeline(commands)
        return try await CancellableWait().value(of: future)
    }

    /// Runs a script and waits for what it returns.
    ///
    /// - Throws: as ``send(_:)-(RedisCommand)``.
    public func eval(
        _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = []
    ) async throws(RedisError) -> RedisValue {
        let future: EventLoopFuture<RedisValue> = eval(script, keys: keys, arguments: arguments)
        return try await CancellableWait().value(of: future)
    }

    /// Subscribes to channels, and returns when messages published from now on will arrive.
    ///
    /// - Throws: as the future fails. A cancelled wait leaves the subscription as it is.
    public func subscribe(_ subscriber: any RedisSubscriber, to channels: [String]) async throws(RedisError) {
        let future: EventLoopFuture<Void> = subscribe(subscriber, to: channels)
        return try await CancellableWait().value(of: future)
    }

    /// Ends subscriptions; all of the subscriber's without `channels`.
    public func unsubscribe(_ subscriber: any RedisSubscriber, from channels: [String]? = nil) async {
        let future: EventLoopFuture<Void> = unsubscribe(subscriber, from: channels)
        _ = try? await CancellableWait().value(of: future)
    }
}

/// One task's wait for a future, which ends early when the task is cancelled.
package final class CancellableWait<Value: Sendable>: Sendable {
    private enum State {
        case early
        case waiting(CheckedContinuation<Result<Value, RedisError>, Never>)
        case over
    }

    private let state = Mutex(State.early)

    package init() {}

    package func value(of future: EventLoopFuture<Value>) async throws(RedisError) -> Value {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if case .over = state { return true }
                    state = .waiting(continuation)
                    return false
                }
                if isOver { return continuation.resume(returning: .failure(Self.cancelled)) }
                future.whenComplete { self.finish($0.mapError(Self.redisError)) }
            }
        } onCancel: {
            finish(.failure(Self.cancelled))
        }
        return try result.get()
    }

    private func finish(_ result: Result<Value, RedisError>) {
        let continuation: CheckedContinuation<Result<Value, RedisError>, Never>? = state.withLock { state in
            defer { state = .over }
            guard case .waiting(let continuation) = state else { return nil }
            return continuation
        }
        continuation?.resume(returning: result)
    }

    private static var cancelled: RedisError { RedisError(.cancelled, "the waiting task was cancelled") }

    private static func redisError(_ error: any Error) -> RedisError {
        error as? RedisError ?? RedisError(.connectionLost, "\(error)", underlying: error)
    }
}
