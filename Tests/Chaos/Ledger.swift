import FreeIMCore
import Synchronization

/// Everything that was sent, and everything that came, with times in seconds since the start.
final class Ledger: Sendable {
    struct Message {
        enum Kind: Equatable {
            case direct([Int])
            /// From a client that is told what became of it, to another one.
            case receipted(from: Int, to: Int)
            case channel(Int)
            case broadcast
        }

        enum Outcome: Equatable {
            case underway
            /// The call returned without an error.
            case accepted(at: Double)
            /// It may have been sent all the same: "whether Redis took it is unknown".
            case failed(at: Double, String)
        }

        /// Which of the senders; each sends one message after the other.
        let sender: Int
        let kind: Kind
        let sent: Double
        var outcome = Outcome.underway
    }

    /// In the client's channel: from the call that asks for it to the answer to the one that ends it.
    struct Membership {
        var asked: Double
        var joined: Double?
        var leaving: Double?
        var left: Double?
    }

    /// A terminal's connection, from the 101 to its end.
    struct Connection {
        let client: Int
        var opened: Double
        var memberships: [Membership] = []
        var closed: Double?
        /// Numbers of messages, as they came.
        var received: [Int32] = []
        /// Numbers of messages, and whether they are said to be delivered.
        var receipts: [(number: Int, isDelivered: Bool)] = []
        var strange: [String] = []
    }

    /// What a business service hears of a client.
    struct Event {
        let isOnline: Bool
        let heard: Double
    }

    struct Book {
        var messages: [Message] = []
        var connections: [Connection] = []
        /// By client, the times of handshakes that it did not see answered. To their node they may have been open at the end.
        var abandoned: [Int: [ClosedRange<Double>]] = [:]
        /// By client, as they came.
        var events: [Int: [Event]] = [:]
        /// Events that the observer was too slow for.
        var eventsMissed = 0
    }

    private let book = Mutex(Book())
    private let start = ContinuousClock.now

    var now: Double { start.duration(to: .now).seconds }
    var copy: Book { book.withLock { $0 } }

    // MARK: What is sent

    /// Returns the message's number.
    func send(_ kind: Message.Kind, by sender: Int) -> Int {
        let now = now
        return book.withLock { book in
            book.messages.append(Message(sender: sender, kind: kind, sent: now))
            return book.messages.count - 1
        }
    }

    func settle(_ number: Int, failure: String? = nil) {
        let now = now
        book.withLock { $0.messages[number].outcome = failure.map { .failed(at: now, $0) } ?? .accepted(at: now) }
    }

    // MARK: What comes

    func opened(_ client: Int) -> Int {
        let now = now
        return book.withLock { book in
            book.connections.append(Connection(client: client, opened: now))
            return book.connections.count - 1
        }
    }

    /// A client's handshake that began then has come to nothing.
    func abandoned(_ client: Int, since beginning: Double) {
        let now = now
        book.withLock { $0.abandoned[client, default: []].append(beginning...max(beginning, now)) }
    }

    /// Its client is about to join its channel.
    func asks(_ connection: Int) {
        let now = now
        book.withLock { $0.connections[connection].memberships.append(Membership(asked: now)) }
    }

    /// What has become of the membership asked for last.
    func note(_ time: any WritableKeyPath<Membership, Double?> & Sendable, _ connection: Int) {
        let now = now
        book.withLock { book in
            let last = book.connections[connection].memberships.count - 1
            guard last >= 0 else { return }
            book.connections[connection].memberships[last][keyPath: time] = now
        }
    }

    func heard(_ event: PresenceEvent) {
        let now = now
        book.withLock { book in
            switch event {
            case .online(let identity): book.hear(identity.client, Event(isOnline: true, heard: now))
            case .offline(let identity): book.hear(identity.client, Event(isOnline: false, heard: now))
            case .missed(let count): book.eventsMissed += count
            case .joined, .left: break
            }
        }
    }

    func closed(_ connection: Int) {
        let now = now
        book.withLock { $0.connections[connection].closed = now }
    }

    /// A message is the text `m` and its number; a receipt has it in its content.
    func received(_ text: String, on connection: Int) {
        book.withLock { book in
            if let number = Self.number(text, after: "m"), text == "m\(number)" {
                book.connections[connection].received.append(Int32(number))
            } else if let number = Self.number(text, after: #"{"content":"m"#) {
                book.connections[connection].receipts.append((number, text.contains(DirectMessages().deliveredText)))
            } else {
                book.connections[connection].strange.append(text)
            }
        }
    }

    private static func number(_ text: String, after prefix: String) -> Int? {
        guard text.hasPrefix(prefix) else { return nil }
        return Int(text.dropFirst(prefix.count).prefix { $0.isNumber })
    }
}

extension Ledger.Book {
    fileprivate mutating func hear(_ client: ClientID, _ event: Ledger.Event) {
        guard case .number(let id) = client.kind else { return }
        events[Int(id), default: []].append(event)
    }
}
