/// What part of a list is wanted.
///
/// An item that is in the list from the first page to the last is returned at least once; one that comes or goes
/// meanwhile may or may not be.
public struct PageRequest: Sendable, Equatable {
    /// At most how many items; at least 1.
    public var limit: Int
    /// The previous page's ``Page/next``; nil for the first page.
    public var cursor: String?

    /// What a list that is read whole takes at a time.
    static let maximumLimit = 1_000

    public init(limit: Int = 100, cursor: String? = nil) {
        self.limit = max(1, limit)
        self.cursor = cursor
    }
}

/// A part of a list.
public struct Page<Item: Sendable>: Sendable {
    public var items: [Item]
    /// Where the next page starts; nil at the end of the list. Opaque.
    public var next: String?

    public init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }
}
