extension Gate {
    /// Returns when the gate is open, or when the time is over; throws on cancellation.
    package func wait(atMost time: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.wait() }
            group.addTask { try await Task.sleep(for: time) }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }
}
