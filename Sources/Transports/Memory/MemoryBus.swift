import FreeIMCore
import NIOCore

/// A subscriber of the memory transport, and the queue of what it has not received.
final class MemorySubscriber: Sendable {
    let inbox: any TransportInbox

    init(_ inbox: any TransportInbox) {
        self.inbox = inbox
    }
}

/// The queues of the memory transport; pure bookkeeping, guarded by the transport's lock.
struct MemoryBus {
    enum Outcome {
        case taken
        case waiting(ticket: UInt64, EventLoopPromise<Void>)
        case rejected
    }

    private struct Queue {
        let subscriber: MemorySubscriber
        var messages = CircularBuffer<BusMessage>()
        /// Whether the subscriber's loop has been told to come, or is to be told by ``takeIdle()``.
        var isScheduled = false
    }

    private struct Waiting {
        let ticket: UInt64
        let messages: [BusMessage]
        let promise: EventLoopPromise<Void>
    }

    private let maxPending: Int
    private let maxWaiting: Int
    private var queues: [ObjectIdentifier: Queue] = [:]
    private var subjects: [Subject: [ObjectIdentifier]] = [:]
    /// In the order of publication; nothing overtakes what waits.
    private var waiting: [Waiting] = []
    private var nextTicket: UInt64 = 0
    private var idle: [MemorySubscriber] = []

    init(maxPending: Int, maxWaiting: Int) {
        self.maxPending = maxPending
        self.maxWaiting = maxWaiting
    }

    mutating func publish(_ messages: [BusMessage], promise: () -> EventLoopPromise<Void>) -> Outcome {
        if waiting.isEmpty, hasRoom(for: messages) {
            enqueue(messages)
            return .taken
        }
        guard waiting.count < maxWaiting else { return .rejected }
        nextTicket += 1
        let promise = promise()
        waiting.append(Waiting(ticket: nextTicket, messages: messages, promise: promise))
        return .waiting(ticket: nextTicket, promise)
    }

    /// A publication that has waited long enough; nil where it has been taken meanwhile. Those behind it may have
    /// room: see ``releaseWaiting()``.
    mutating func withdraw(_ ticket: UInt64) -> EventLoopPromise<Void>? {
        guard let index = waiting.firstIndex(where: { $0.ticket == ticket }) else { return nil }
        return waiting.remove(at: index).promise
    }

    mutating func subscribe(_ inbox: any TransportInbox, to names: [String]) {
        let id = ObjectIdentifier(inbox)
        if queues[id] == nil { queues[id] = Queue(subscriber: MemorySubscriber(inbox)) }
        for subject in names.map(Subject.init) where subjects[subject]?.contains(id) != true {
            subjects[subject, default: []].append(id)
        }
    }

    /// Returns the publications for which there is room now.
    mutating func unsubscribe(_ inbox: any TransportInbox) -> [EventLoopPromise<Void>] {
        let id = ObjectIdentifier(inbox)
        queues[id] = nil
        subjects = subjects.compactMapValues { ids in
            let rest = ids.filter { $0 != id }
            return rest.isEmpty ? nil : rest
        }
        return releaseWaiting()
    }

    /// The subscribers that have got messages and do not know it.
    mutating func takeIdle() -> [MemorySubscriber] {
        defer { idle.removeAll(keepingCapacity: true) }
        return idle
    }

    mutating func takeBurst(of subscriber: MemorySubscriber, limit: Int) -> [BusMessage] {
        let id = ObjectIdentifier(subscriber.inbox)
        // An inbox that unsubscribed and subscribed again has another queue, and another turn on its loop.
        guard queues[id]?.subscriber === subscriber, var queue = queues.removeValue(forKey: id) else { return [] }
        defer { queues[id] = queue }
        guard queue.messages.count > limit else {
            queue.isScheduled = false
            defer { queue.messages.removeAll() }
            return Array(queue.messages)
        }
        let burst = Array(queue.messages.prefix(limit))
        queue.messages.removeFirst(limit)
        idle.append(subscriber)
        return burst
    }

    /// Takes the publications that waited for room, in order, as far as there is room.
    mutating func releaseWaiting() -> [EventLoopPromise<Void>] {
        var released: [EventLoopPromise<Void>] = []
        while let first = waiting.first, hasRoom(for: first.messages) {
            waiting.removeFirst()
            enqueue(first.messages)
            released.append(first.promise)
        }
        return released
    }

    private func hasRoom(for messages: [BusMessage]) -> Bool {
        messages.allSatisfy { message in
            subjects[Subject(text: message.subject), default: []].allSatisfy {
                (queues[$0]?.messages.count ?? 0) < maxPending
            }
        }
    }

    private mutating func enqueue(_ messages: [BusMessage]) {
        for message in messages {
            for id in subjects[Subject(text: message.subject), default: []] {
                queues[id]?.messages.append(message)
                guard let queue = queues[id], !queue.isScheduled else { continue }
                queues[id]?.isScheduled = true
                idle.append(queue.subscriber)
            }
        }
    }
}

/// A subject, compared byte for byte as Redis does; Swift's `==` takes `\u{E9}` and `e\u{301}` for one text.
private struct Subject: Hashable {
    let text: String

    static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
