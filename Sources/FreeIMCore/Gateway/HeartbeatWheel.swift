/// A moment of a shard's clock, in ticks since the shard was made.
package typealias Tick = UInt32

/// All deadlines of a shard behind one timer: a hashed timing wheel (Varghese and Lauck, 1987, scheme 6).
///
/// Adding costs a store in an array; nothing is ever cancelled: what comes due and is no longer wanted is ignored by
/// its owner.
struct HeartbeatWheel {
    struct Entry: Equatable {
        let socket: SocketID
        let due: Tick
    }

    /// Entries at `due % spokes.count`; those of a later turn stay.
    private var spokes: [ContiguousArray<Entry>]
    private(set) var now: Tick = 0

    init(spokes: Int = 256) {
        self.spokes = Array(repeating: [], count: spokes)
    }

    /// A `due` that is not in the future comes due at the next tick.
    mutating func add(_ socket: SocketID, due: Tick) {
        let due = max(due, now &+ 1)
        spokes[Int(due) % spokes.count].append(Entry(socket: socket, due: due))
    }

    /// One tick on; the entries that have come due.
    mutating func advance() -> ContiguousArray<Entry> {
        now &+= 1
        let spoke = Int(now) % spokes.count
        guard !spokes[spoke].isEmpty else { return [] }
        var due: ContiguousArray<Entry> = []
        // Taken out rather than emptied: after a rush of connects no spoke keeps the room of its largest turn.
        swap(&due, &spokes[spoke])
        let current = now
        let firstLater = due.partition { $0.due > current }
        spokes[spoke].append(contentsOf: due[firstLater...])
        due.removeSubrange(firstLater...)
        return due
    }
}
