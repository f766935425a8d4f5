/// A condition did not come true within its deadline.
struct NotWithin: Error, CustomStringConvertible {
    let deadline: Duration
    var description: String { "the condition did not come true within \(deadline)" }
}

/// Waits until `condition` holds, or throws ``NotWithin``.
func eventually(within deadline: Duration = .seconds(10), _ condition: () async throws -> Bool) async throws {
    let clock = ContinuousClock()
    let end = clock.now + deadline
    while try await !condition() {
        guard clock.now < end else { throw NotWithin(deadline: deadline) }
        try await clock.sleep(for: .milliseconds(5))
    }
}
