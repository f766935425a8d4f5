import RedisClient
import Synchronization

/// What a link tells of its connections.
final class EventLog: Sendable {
    private let events = Mutex<[RedisEvent]>([])

    func append(_ event: RedisEvent) {
        events.withLock { $0.append(event) }
    }

    /// How often a connection became ready.
    var readies: Int {
        events.withLock { events in
            events.count { event in
                if case .ready = event.change { true } else { false }
            }
        }
    }

    func hasLost(_ connection: RedisEvent.Connection) -> Bool {
        events.withLock { events in
            events.contains { event in
                guard event.connection == connection, case .disconnected = event.change else { return false }
                return true
            }
        }
    }
}
