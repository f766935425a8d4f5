import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

/// Bodies of requests that are still arriving, and an end to those that do not arrive in time. One clock for all of them,
/// which stands still while there are none.
final class PendingBodies: Sendable {
    private struct Entry {
        let deadline: ContinuousClock.Instant
        let timeout: Duration
        let reading: Task<ByteBuffer, any Error>
        /// Why the reading was given up.
        var fault: APIFault?
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var next: UInt64 = 0
        /// The clock goes, or has been told to.
        var isWatched = false
    }

    /// How late a body may be noticed to be overdue.
    private static let pace = Duration.milliseconds(250)
    /// For what has not arrived when the node is told to stop.
    private static let shutdownGrace = Duration.seconds(1)

    private let state = Mutex(State())
    /// Starts the clock.
    private let arrivals = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// Returns when it is cancelled. After a graceful shutdown nothing is waited for any longer than it takes to end.
    func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in self.arrivals.stream {
                while self.isNeeded(), await self.pause(for: Self.pace) {
                    let now = ContinuousClock.now
                    self.giveUp { $0.deadline <= now ? .requestTimeout($0.timeout) : nil }
                }
            }
        }
        var grace = Self.shutdownGrace
        while await pause(for: grace) {
            giveUp { _ in .stopping }
            grace = Self.pace
        }
    }

    /// Whether the clock is to go on; where it is not, the next body starts it.
    private func isNeeded() -> Bool {
        state.withLock { state in
            state.isWatched = !state.entries.isEmpty
            return state.isWatched
        }
    }

    /// False where the task is cancelled.
    private func pause(for duration: Duration) async -> Bool {
        do {
            try await Task.sleep(for: duration)
            return true
        } catch {
            return false
        }
    }

    private func giveUp(_ fault: (Entry) -> APIFault?) {
        state.withLock { state in
            for (id, entry) in state.entries {
                guard entry.fault == nil, let fault = fault(entry) else { continue }
                state.entries[id]?.fault = fault
                entry.reading.cancel()
            }
        }
    }

    /// The whole body.
    ///
    /// - Throws: ``APIFault`` where it was given up; `NIOTooManyBytesError`; what the connection failed with.
    func collect(_ body: RequestBody, upTo limit: Int, within timeout: Duration) async throws -> ByteBuffer {
        // Ends with the body, or is cancelled here or with the request.
        let reading = Task { try await body.collect(upTo: limit) }
        let entry = Entry(deadline: .now + timeout, timeout: timeout, reading: reading)
        let (id, isFirst) = state.withLock { state in
            defer { state.isWatched = true }
            state.next += 1
            state.entries[state.next] = entry
            return (state.next, !state.isWatched)
        }
        if isFirst { arrivals.continuation.yield() }
        let result = await withTaskCancellationHandler {
            await reading.result
        } onCancel: {
            reading.cancel()
        }
        if let fault = state.withLock({ $0.entries.removeValue(forKey: id)?.fault }) { throw fault }
        return try result.get()
    }
}
