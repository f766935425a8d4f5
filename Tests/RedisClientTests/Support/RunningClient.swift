import NIOCore
import NIOPosix
import RedisClient
import Synchronization

/// What a client tells of its connections.
final class EventLog: Sendable {
    private let events = Mutex<[RedisEvent]>([])

    var all: [RedisEvent] { events.withLock { $0 } }

    func append(_ event: RedisEvent) {
        events.withLock { $0.append(event) }
    }

    func readies(_ connection: RedisEvent.Connection) -> [Int64?] {
        all.compactMap { event in
            guard event.connection == connection, case .ready(let clientID) = event.change else { return nil }
            return clientID
        }
    }

    func reasons(_ connection: RedisEvent.Connection = .commands) -> [RedisError] {
        all.compactMap { event in
            guard event.connection == connection, case .disconnected(let error) = event.change else { return nil }
            return error
        }
    }
}

/// Runs `body` beside a client, and stops the client.
func withClient<Value: Sendable>(
    _ configuration: RedisClientConfiguration, _ body: (RedisClient, EventLog) async throws -> Value
) async throws -> Value {
    let log = EventLog()
    let client = try RedisClient(
        configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), onEvent: { log.append($0) })
    return try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await client.run() }
        let result: Result<Value, any Error>
        do { result = .success(try await body(client, log)) } catch { result = .failure(error) }
        await client.stop()
        try await tasks.waitForAll()
        return try result.get()
    }
}

/// Keeps what it is sent.
final class Recorder: RedisSubscriber {
    struct State {
        var messages: [String] = []
        var bursts = 0
        /// Messages since the last end of a burst.
        var open = 0
        var invalidations: [[String]?] = []
    }

    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }
    var messages: [String] { now.messages }

    func received(_ body: ByteBuffer, on channel: String) {
        state.withLock {
            $0.messages.append("\(channel): \(String(buffer: body))")
            $0.open += 1
        }
    }

    func burstEnded() {
        state.withLock {
            $0.bursts += 1
            $0.open = 0
        }
    }

    func invalidated(_ keys: [ByteBuffer]?) {
        state.withLock { $0.invalidations.append(keys.map { $0.map { String(buffer: $0) } }) }
    }
}

/// The error that `body` throws; nil where it throws none.
func redisError(_ body: () async throws -> some Any) async -> RedisError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? RedisError
    }
}
