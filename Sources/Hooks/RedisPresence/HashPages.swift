import FreeIMCore
import NIOCore
import RedisClient

/// The fields of a hash of each dialect, a page at a time (HSCAN).
///
/// A part of HSCAN may be larger than a page, a whole small hash for one; its fields are then returned in their order,
/// and the part is scanned again for the next page. A cursor is `dialect:cursor of HSCAN:last field of its part that was
/// returned`; what is in the hash all the time is returned, some of it more than once where Redis rebuilds the hash.
struct HashPages {
    let store: PresenceStore
    let key: (Dialect) -> RedisArgument

    private struct Position {
        var dialect: Dialect
        var cursor: UInt64
        /// Empty where nothing of the part has been returned.
        var last = ""

        init(_ dialect: Dialect) {
            self.dialect = dialect
            cursor = 0
        }

        init(_ text: String, of dialects: [Dialect]) throws(PresenceError) {
            let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, let dialect = Dialect(rawValue: String(parts[0])), dialects.contains(dialect),
                let cursor = UInt64(parts[1])
            else { throw PresenceError(.invalidCursor, "the cursor '\(text)' is not one that a page gave out") }
            self.dialect = dialect
            self.cursor = cursor
            last = String(parts[2])
        }

        var text: String { "\(dialect.rawValue):\(cursor):\(last)" }
    }

    /// - Parameter item: what a field and its value are; nil for what is left out.
    func page<Item>(
        _ request: PageRequest, _ item: (String, RedisValue) -> Item?
    ) async throws(PresenceError) -> Page<Item> {
        let dialects = store.keys.identity.dialects
        guard
            var position = try request.cursor.map({ (text) throws(PresenceError) in
                try Position(text, of: dialects)
            }) ?? dialects.first.map(Position.init)
        else { return Page(items: [], next: nil) }
        var items: [Item] = []
        while items.count < request.limit {
            let (next, pairs) = try await scan(position, count: request.limit)
            let unseen = pairs.filter { Self.precedes(position.last, $0.0) }.sorted { Self.precedes($0.0, $1.0) }
            var taken = 0
            for (field, value) in unseen {
                guard items.count < request.limit else { break }
                taken += 1
                position.last = field
                if let item = item(field, value) { items.append(item) }
            }
            if taken < unseen.count {
                return Page(items: items, next: position.text)
            }
            if next != 0 {
                position.cursor = next
                position.last = ""
            } else if let following = dialects.firstIndex(of: position.dialect).map({ $0 + 1 }),
                following < dialects.count
            {
                position = Position(dialects[following])
            } else {
                return Page(items: items, next: nil)
            }
        }
        return Page(items: items, next: position.text)
    }

    /// By bytes; `String`'s own order takes canonically equivalent texts for equal.
    private static func precedes(_ one: String, _ other: String) -> Bool {
        one.utf8.lexicographicallyPrecedes(other.utf8)
    }

    private func scan(
        _ position: Position, count: Int
    ) async throws(PresenceError) -> (next: UInt64, pairs: [(String, RedisValue)]) {
        let answer = try await store.send(
            RedisCommand(
                "HSCAN", key(position.dialect), .string("\(position.cursor)"), "COUNT", .integer(max(10, count))))
        guard let parts = answer.array, parts.count == 2, let next = parts[0].string.flatMap({ UInt64($0) }),
            let fields = parts[1].array
        else { throw .unexpected(answer) }
        let pairs = stride(from: 0, to: fields.count - 1, by: 2).compactMap { at in
            fields[at].string.map { ($0, fields[at + 1]) }
        }
        return (next, pairs)
    }
}
