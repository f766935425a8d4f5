import FreeIMCore
import Metrics
import NIOCore
import RedisClient
import Synchronization

/// Takes what Redis delivers to one inbox: directly where the inbox lives on the client's loop, over a bounded backlog
/// where it lives on another.
final class RedisInbox: RedisSubscriber {
    private struct Backlog {
        var messages: [BusMessage] = []
        /// The inbox' loop has been told to come.
        var isScheduled = false
    }

    let inbox: any TransportInbox
    private let isOnClientLoop: Bool
    private let maxPending: Int
    private let dropped: Counter
    private let backlog = Mutex(Backlog())
    private let isClosed = Atomic(false)

    init(_ inbox: any TransportInbox, clientLoop: any EventLoop, maxPending: Int, dropped: Counter) {
        self.inbox = inbox
        isOnClientLoop = inbox.eventLoop === clientLoop
        self.maxPending = maxPending
        self.dropped = dropped
    }

    /// No message arrives that is not arriving right now.
    func close() {
        isClosed.store(true, ordering: .releasing)
    }

    // MARK: From Redis, on the client's loop

    func received(_ body: ByteBuffer, on channel: String) {
        guard isOnClientLoop else {
            if !append([BusMessage(subject: channel, body: body)]) { dropped.increment() }
            return
        }
        if !isClosed.load(ordering: .acquiring) { inbox.receive(body, on: channel) }
    }

    func burstEnded() {
        if isOnClientLoop { inbox.burstEnded() } else { wake() }
    }

    // MARK: Past Redis

    /// Delivers in order, on the inbox' loop. False where too many messages wait already: none is taken then.
    func deliver(_ messages: [BusMessage]) -> Bool {
        guard append(messages) else { return false }
        wake()
        return true
    }

    // MARK: The backlog

    private func append(_ messages: [BusMessage]) -> Bool {
        backlog.withLock { backlog in
            guard messages.count <= maxPending - backlog.messages.count else { return false }
            backlog.messages.append(contentsOf: messages)
            return true
        }
    }

    private func wake() {
        let wakes = backlog.withLock { backlog in
            defer { backlog.isScheduled = true }
            return !backlog.isScheduled
        }
        if wakes { inbox.eventLoop.execute { self.empty() } }
    }

    private func empty() {
        let messages = backlog.withLock { backlog in
            defer { backlog = Backlog() }
            return backlog.messages
        }
        for message in messages where !isClosed.load(ordering: .acquiring) {
            inbox.receive(message.body, on: message.subject)
        }
        if !messages.isEmpty { inbox.burstEnded() }
    }
}
