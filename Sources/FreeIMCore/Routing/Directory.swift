/// Which shards of a node hold a client's connections, and how many there are. Only on the node's bus loop.
struct Directory {
    struct Entry {
        var connections: Int
        var shards: ShardSet
    }

    private var entries: [ClientID: Entry] = [:]

    var clientCount: Int { entries.count }

    func entry(of client: ClientID) -> Entry? { entries[client] }

    mutating func opened(_ client: ClientID, in shard: Int) {
        entries[client, default: Entry(connections: 0, shards: [])].add(shard)
    }

    /// - Parameter remains: whether the client has other connections in that shard.
    mutating func closed(_ client: ClientID, in shard: Int, remains: Bool) {
        guard var entry = entries[client] else { return }
        entry.connections -= 1
        if !remains { entry.shards.remove(shard) }
        entries[client] = entry.connections > 0 ? entry : nil
    }
}

extension Directory.Entry {
    fileprivate mutating func add(_ shard: Int) {
        connections += 1
        shards.insert(shard)
    }
}

/// A set of shards' numbers, below ``maximumShards``.
struct ShardSet: ExpressibleByArrayLiteral, Equatable {
    /// The most shards, and so event loops, that a node uses.
    static let maximumShards = 64

    private var bits: UInt64 = 0

    init(arrayLiteral shards: Int...) {
        for shard in shards { insert(shard) }
    }

    var isEmpty: Bool { bits == 0 }
    var count: Int { bits.nonzeroBitCount }

    mutating func insert(_ shard: Int) { bits |= 1 << UInt64(shard) }
    /// Any number, that of no shard as well.
    func contains(_ shard: Int) -> Bool { bits & (1 << UInt64(shard)) != 0 }
    mutating func remove(_ shard: Int) { bits &= ~(1 << UInt64(shard)) }

    @inline(__always)
    func forEach(_ body: (Int) -> Void) {
        var rest = bits
        while rest != 0 {
            body(rest.trailingZeroBitCount)
            rest &= rest - 1
        }
    }
}
