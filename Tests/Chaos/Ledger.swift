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

    /// A terminal's connection, from the 101 to its end.
    struct Connection {
        let client: Int
        var opened: Double
        /// When the answer to its join came.
        var joined: Double?
        var closed: Double?
        /// Numbers of messages, as they came.
        var received: [Int32] = []
        /// Numbers of messages, and whether they are said to be delivered.
        var receipts: [(number: Int, isDelivered: Bool)] = []
        var strange: [String] = []
    }

    struct Book {
        var messages: [Message] = []
        var connections: [Connection] = []
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

    func joined(_ connection: Int) {
        let now = now
        book.withLock { $0.connections[connection].joined = now }
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
