import NIOCore
import Synchronization

extension Messenger {
    /// Subscribes to the cluster's online, offline, joined and left events.
    ///
    /// Returns once the subscription stands; events from then on are seen. The subscription ends when the sequence is
    /// no longer iterated.
    ///
    /// - Parameter limit: how many events wait for a slow subscriber; at least 2. Newer ones are then dropped, and
    ///   their number is told by ``PresenceEvent/missed(_:)``.
    public func events(limit: Int = 1_024) async throws(MessengerError) -> EventStream {
        try require(.events, module: "feature.event_bus")
        // Room for `missed` and an event behind it; with less a subscriber that missed one would get no other.
        let (stream, continuation) = AsyncStream.makeStream(
            of: PresenceEvent.self, bufferingPolicy: .bufferingOldest(max(2, limit)))
        let inbox = EventInbox(
            subjects: identity.allSubjects, continuation: continuation, eventLoop: eventLoopGroup.next())
        let transport = transport
        continuation.onTermination = { _ in
            // Ends by itself: unsubscribing is bounded by the transport.
            Task { await transport.unsubscribe(inbox) }
        }
        do {
            try await transport.subscribe(inbox, to: inbox.allSubjects)
        } catch {
            continuation.finish()
            throw MessengerError(error)
        }
        return EventStream(stream: stream)
    }
}

/// A bounded sequence of events; see ``Messenger/events(limit:)``.
public struct EventStream: AsyncSequence, Sendable {
    let stream: AsyncStream<PresenceEvent>

    public struct AsyncIterator: AsyncIteratorProtocol {
        var base: AsyncStream<PresenceEvent>.AsyncIterator

        public mutating func next(isolation actor: isolated (any Actor)?) async -> PresenceEvent? {
            await base.next(isolation: actor)
        }

        public mutating func next() async -> PresenceEvent? {
            await base.next(isolation: nil)
        }
    }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: stream.makeAsyncIterator())
    }
}

/// Turns the bodies on the events' subjects into values.
final class EventInbox: TransportInbox {
    let eventLoop: any EventLoop
    private let kinds: [String: Kind]
    let allSubjects: [String]
    private let continuation: AsyncStream<PresenceEvent>.Continuation
    /// Events dropped since the last one that found room.
    private let missed = Mutex(0)

    private enum Kind { case online, offline, joined, left }

    init(subjects: [Subjects], continuation: AsyncStream<PresenceEvent>.Continuation, eventLoop: any EventLoop) {
        var kinds: [String: Kind] = [:]
        for subjects in subjects {
            kinds[subjects.online] = .online
            kinds[subjects.offline] = .offline
            kinds[subjects.joined] = .joined
            kinds[subjects.left] = .left
        }
        self.kinds = kinds
        self.allSubjects = subjects.flatMap { [$0.online, $0.offline, $0.joined, $0.left] }
        self.continuation = continuation
        self.eventLoop = eventLoop
    }

    func receive(_ body: ByteBuffer, on subject: String) {
        guard let event = event(body, on: subject) else { return }
        let before = missed.withLock { $0 }
        if before > 0 {
            guard case .enqueued = continuation.yield(.missed(before)) else {
                missed.withLock { $0 += 1 }
                return
            }
            missed.withLock { $0 = 0 }
        }
        if case .dropped = continuation.yield(event) {
            missed.withLock { $0 += 1 }
        }
    }

    func burstEnded() {}

    /// nil where the body is not one that FreeIM's nodes send; somebody else published it.
    private func event(_ body: ByteBuffer, on subject: String) -> PresenceEvent? {
        switch kinds[subject] {
        case .online: (try? PresenceEventBody.decode(body)).map(PresenceEvent.online)
        case .offline: (try? PresenceEventBody.decode(body)).map(PresenceEvent.offline)
        case .joined: (try? PresenceEventBody.decodeChannels(body)).map(PresenceEvent.joined)
        case .left: (try? PresenceEventBody.decodeChannels(body)).map(PresenceEvent.left)
        case nil: nil
        }
    }
}
