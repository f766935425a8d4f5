import NIOConcurrencyHelpers
public import NIOCore

/// A condition did not come true within its deadline.
public struct NotWithin: Error, CustomStringConvertible {
    public let deadline: Duration
    public var description: String { "the condition did not come true within \(deadline)" }
}

/// Waits until `condition` holds, or throws ``NotWithin``.
///
/// - Parameter pause: between two looks; longer where a look costs something.
public func eventually(
    within deadline: Duration = .seconds(30), every pause: Duration = .milliseconds(5),
    _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    while try await !condition() {
        guard clock.now < end else { throw NotWithin(deadline: deadline) }
        try await clock.sleep(for: pause)
    }
}

/// Waits for a future, or throws ``NotWithin``.
public func value<Value: Sendable>(
    of future: EventLoopFuture<Value>, within deadline: Duration = .seconds(30)
) async throws -> Value {
    let outcome = NIOLockedValueBox<Result<Value, any Error>?>(nil)
    future.whenComplete { result in outcome.withLockedValue { $0 = result } }
    var result: Result<Value, any Error>?
    try await eventually(within: deadline) {
        result = outcome.withLockedValue { $0 }
        return result != nil
    }
    guard let result else { throw NotWithin(deadline: deadline) }
    return try result.get()
}
