import Testing

@testable import FreeIMCore

@Suite("Gate")
struct GateTests {
    @Test("an open gate lets everybody through, for good")
    func open() async throws {
        let gate = Gate()
        #expect(!gate.isOpen)
        gate.open()
        gate.open()
        #expect(gate.isOpen)
        for _ in 0..<3 { try await gate.wait() }
    }

    @Test("opening wakes all who wait")
    func waiting() async throws {
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 { group.addTask { try await gate.wait() } }
            await Task.yield()
            gate.open()
            try await group.waitForAll()
        }
    }

    @Test("a cancelled task stops waiting, and the others go on")
    func cancelled() async throws {
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { others in
            others.addTask { try await gate.wait() }
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        do { try await gate.wait() } catch { return error is CancellationError }
                        return false
                    }
                }
                group.cancelAll()
                for await wasCancelled in group { #expect(wasCancelled) }
            }
            gate.open()
            try await others.waitForAll()
        }
    }
}

@Suite("Socket census")
struct SocketCensusTests {
    @Test("it counts up to its limit")
    func limit() {
        let census = SocketCensus()
        #expect((0..<3).map { _ in census.enter(limit: 2) } == [true, true, false])
        #expect(census.count == 2)
        census.leave()
        #expect(census.enter(limit: 2))
    }

    @Test("closed, it lets nobody in, and tells when the last has left")
    func closing() async throws {
        let census = SocketCensus()
        for _ in 0..<3 { _ = census.enter(limit: 10) }
        census.close()
        #expect(census.isClosing)
        #expect(!census.enter(limit: 10))
        async let emptied: Void = census.waitUntilEmpty()
        for _ in 0..<3 { census.leave() }
        try await emptied
        #expect(census.count == 0)
    }

    @Test("closed without sockets it is empty at once; with sockets coming and going before, it is not")
    func empty() async throws {
        let census = SocketCensus()
        _ = census.enter(limit: 10)
        census.leave()
        let wait = Task { try await census.waitUntilEmpty() }
        wait.cancel()
        await #expect(throws: CancellationError.self) { try await wait.value }
        census.close()
        try await census.waitUntilEmpty()
    }

    @Test("a wait with a deadline ends with it, with the opening, or with the task")
    func deadline() async throws {
        let gate = Gate()
        try await gate.wait(atMost: .milliseconds(1))
        let task = Task { try await gate.wait(atMost: .seconds(60)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let opened = Task { try await gate.wait(atMost: .seconds(60)) }
        gate.open()
        try await opened.value
    }
}
