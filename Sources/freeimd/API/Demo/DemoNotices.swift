import FreeIMCore
import Logging
import ServiceLifecycle
import Synchronization

/// Tells those on the demo page who comes and goes, and how many are in the rooms: at most one message each
/// ``interval``, and nothing to clients that are not on the page.
struct DemoNotices: Service {
    private let messenger: Messenger
    private let logger: Logger
    private let pending = PendingNews()

    /// Between two messages.
    static let interval = Duration.milliseconds(500)
    /// Before events are subscribed to again.
    private static let retryPause = Duration.seconds(1)

    init(messenger: Messenger, logger: Logger) {
        self.messenger = messenger
        self.logger = logger
    }

    func run() async throws {
        guard messenger.capabilities.contains([.events, .channels]) else {
            logger.notice(
                "demo page without notices and live counts; they need feature.event_bus and feature.channels")
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await listen() }
                group.addTask { await tell() }
            }
        }
    }

    private func listen() async {
        while !Task.isCancelled {
            do {
                try await messenger.transport.ready()
                let events = try await messenger.events()
                // What was before the subscription is not known.
                pending.addUnknown()
                for await event in events { note(event) }
            } catch {
                logger.debug("demo page hears no events", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: Self.retryPause)
        }
    }

    private func note(_ event: PresenceEvent) {
        switch event {
        case .online(let identity): add(identity.client, [DemoNews.Change(.online, identity.client)])
        case .offline(let identity): add(identity.client, [DemoNews.Change(.offline, identity.client)])
        case .joined(let client, let channels): add(client, changes(.joined, client, channels))
        case .left(let client, let channels): add(client, changes(.left, client, channels))
        case .missed: pending.addUnknown()
        }
    }

    private func changes(
        _ what: DemoNews.Change.Kind, _ client: ClientID, _ channels: [ChannelName]
    ) -> [DemoNews.Change] {
        channels.filter { $0 != DemoRooms.news }.map { DemoNews.Change(what, client, room: $0) }
    }

    /// Each node of a cluster hears all events, and tells those of the clients whose home it is.
    private func add(_ client: ClientID, _ changes: [DemoNews.Change]) {
        guard messenger.identity.partition.server(for: client) == messenger.identity.name else { return }
        pending.add(changes)
    }

    private func tell() async {
        while await pending.wait() {
            let (changes, isPartial) = pending.take()
            do {
                try await send(changes, isPartial: isPartial)
            } catch {
                logger.debug("demo news not sent", metadata: [LogKey.error: "\(error)"])
                pending.addUnknown()
            }
            try? await Task.sleep(for: Self.interval)
        }
    }

    private func send(_ changes: [DemoNews.Change], isPartial: Bool) async throws(MessengerError) {
        guard let channel = DemoRooms.news, try await messenger.onlineCount(in: channel) > 0 else { return }
        let list = try await DemoRooms(messenger: messenger).list()
        let changes = try await withoutReturned(changes)
        let news = DemoNews(changes: changes, isPartial: isPartial, rooms: list.rooms, online: list.online)
        try await messenger.send(try news.payload(), toChannel: channel)
    }
}

extension DemoNotices {
    /// Without the offline changes of clients that are online: they came back at once, as with a reload, or have
    /// another connection and the event bus announces each.
    private func withoutReturned(_ changes: [DemoNews.Change]) async throws(MessengerError) -> [DemoNews.Change] {
        let gone = changes.filter { $0.what == .offline }.compactMap { ClientID($0.client) }
        guard !gone.isEmpty else { return changes }
        let areOnline = try await messenger.isOnline(gone)
        let returned = Set(zip(gone, areOnline).filter(\.1).map(\.0.description))
        return changes.filter { $0.what != .offline || !returned.contains($0.client) }
    }
}

/// What the log calls it.
extension DemoNotices: CustomStringConvertible {
    var description: String { "api.http demo notices" }
}

/// What has happened since the last news.
private final class PendingNews: Sendable {
    private struct State {
        var changes: [DemoNews.Change] = []
        var isPartial = false
    }

    /// Changes beyond which the page is told to ask.
    private static let limit = 100

    private let state = Mutex(State())
    /// Wakes the teller; however often it is rung, it is one ring until it is heard.
    private let bell = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    func add(_ changes: [DemoNews.Change]) {
        guard !changes.isEmpty else { return }
        state.withLock { state in
            let room = Self.limit - state.changes.count
            state.changes += changes.prefix(room)
            if changes.count > room { state.isPartial = true }
        }
        bell.continuation.yield()
    }

    func addUnknown() {
        state.withLock { $0.isPartial = true }
        bell.continuation.yield()
    }

    /// Returns when there is something to tell; false when the task is cancelled.
    func wait() async -> Bool {
        var rings = bell.stream.makeAsyncIterator()
        return await rings.next() != nil && !Task.isCancelled
    }

    func take() -> (changes: [DemoNews.Change], isPartial: Bool) {
        state.withLock { state in
            defer { state = State() }
            return (state.changes, state.isPartial)
        }
    }
}
