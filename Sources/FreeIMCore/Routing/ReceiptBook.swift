/// The receipts that wait for the shards to have written. Only on the node's bus loop.
struct ReceiptBook {
    struct Entry {
        let receiver: ClientID
        let message: DirectMessage
        fileprivate var openShards: Int
        fileprivate(set) var delivered: Bool
    }

    /// Receipts that wait at the same time, beyond which new ones are dropped and counted.
    static let limit = 65_536

    private var entries: [ReceiptID: Entry] = [:]
    private var nextID: UInt64 = 0

    /// nil where too many wait.
    mutating func open(_ message: DirectMessage, receiver: ClientID, shards: Int) -> ReceiptID? {
        guard entries.count < Self.limit else { return nil }
        nextID &+= 1
        let id = ReceiptID(value: nextID)
        entries[id] = Entry(receiver: receiver, message: message, openShards: shards, delivered: false)
        return id
    }

    /// A shard is done with a receipt; returns it when all are.
    mutating func settle(_ id: ReceiptID, delivered: Bool) -> Entry? {
        guard var entry = entries.removeValue(forKey: id) else { return nil }
        entry.openShards -= 1
        entry.delivered = entry.delivered || delivered
        if entry.openShards == 0 { return entry }
        entries[id] = entry
        return nil
    }
}
