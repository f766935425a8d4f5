import FreeIMCore

/// A dictionary that can be read a page at a time while it changes.
///
/// An entry keeps its place as long as it is there, and a cursor is a place, so whoever reads page after page sees
/// each entry that stays exactly once, at a cost that does not depend on the table's size.
struct PagedTable<Key: Hashable & Sendable, Value> {
    private var places: [Key: Int] = [:]
    private var entries: [(key: Key, value: Value)?] = []
    private var free: [Int] = []

    var count: Int { places.count }
    var keys: [Key] { Array(places.keys) }

    subscript(key: Key) -> Value? {
        get { places[key].flatMap { entries[$0]?.value } }
        set {
            if let newValue { set(key, newValue) } else { remove(key) }
        }
    }

    /// Changes a value in place.
    mutating func update(_ key: Key, default value: @autoclosure () -> Value, _ body: (inout Value) -> Void) {
        let place = places[key] ?? set(key, value())
        guard var entry = entries[place] else { return }
        entries[place] = nil
        body(&entry.value)
        entries[place] = entry
    }

    func page(_ request: PageRequest) throws(PresenceError) -> Page<Key> {
        var place = 0
        if let cursor = request.cursor {
            guard let parsed = Int(cursor), parsed >= 0 else {
                throw PresenceError(
                    .invalidCursor, "'\(cursor)' is not a cursor; use the 'next' of the page before, or none")
            }
            place = parsed
        }
        var items: [Key] = []
        while place < entries.count, items.count < request.limit {
            if let entry = entries[place] { items.append(entry.key) }
            place += 1
        }
        return Page(items: items, next: place < entries.count ? String(place) : nil)
    }

    @discardableResult
    private mutating func set(_ key: Key, _ value: Value) -> Int {
        if let place = places[key] {
            entries[place] = (key, value)
            return place
        }
        let place: Int
        if let reused = free.popLast() {
            place = reused
            entries[place] = (key, value)
        } else {
            place = entries.count
            entries.append((key, value))
        }
        places[key] = place
        return place
    }

    private mutating func remove(_ key: Key) {
        guard let place = places.removeValue(forKey: key) else { return }
        entries[place] = nil
        free.append(place)
    }
}
