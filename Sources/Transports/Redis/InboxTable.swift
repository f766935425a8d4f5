import FreeIMCore

/// The inboxes of a transport, and which of them stand at the node's own subjects. Pure bookkeeping.
struct InboxTable {
    private struct Entry {
        let receiver: RedisInbox
        /// Subscriptions that stand or are being made; without any the entry goes.
        var subscriptions = 0
        /// Its own subjects that Redis has confirmed.
        var own: [String] = []
    }

    /// Belong to this node alone.
    private let ownSubjects: [String]
    private var entries: [ObjectIdentifier: Entry] = [:]

    init(ownSubjects: [String]) {
        self.ownSubjects = ownSubjects
    }

    /// A subscription of the inbox begins.
    mutating func begin(_ inbox: any TransportInbox, _ make: () -> RedisInbox) -> RedisInbox {
        var entry = entries[ObjectIdentifier(inbox)] ?? Entry(receiver: make())
        entry.subscriptions += 1
        entries[ObjectIdentifier(inbox)] = entry
        return entry.receiver
    }

    /// It stands. Without effect where the inbox has unsubscribed meanwhile.
    mutating func confirm(_ receiver: RedisInbox, _ subjects: [String]) {
        let id = ObjectIdentifier(receiver.inbox)
        guard var entry = entries[id], entry.receiver === receiver else { return }
        for subject in subjects where isOwn(subject) && !entry.own.contains(where: { Self.same($0, subject) }) {
            entry.own.append(subject)
        }
        entries[id] = entry
    }

    /// It could not be made.
    mutating func fail(_ receiver: RedisInbox) {
        let id = ObjectIdentifier(receiver.inbox)
        guard var entry = entries[id], entry.receiver === receiver else { return }
        entry.subscriptions -= 1
        entries[id] = entry.subscriptions > 0 ? entry : nil
    }

    mutating func remove(_ inbox: any TransportInbox) -> RedisInbox? {
        entries.removeValue(forKey: ObjectIdentifier(inbox))?.receiver
    }

    /// Who is to get a message without Redis; empty where it is not this node's alone.
    func receivers(ofOwn subject: String) -> [RedisInbox] {
        guard isOwn(subject) else { return [] }
        return entries.values.filter { $0.own.contains { Self.same($0, subject) } }.map(\.receiver)
    }

    private func isOwn(_ subject: String) -> Bool { ownSubjects.contains { Self.same($0, subject) } }

    /// Byte for byte, as Redis compares.
    private static func same(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }
}
