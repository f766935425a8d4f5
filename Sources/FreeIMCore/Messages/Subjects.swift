/// The names of subjects on the bus, as FreeIM builds them from the WebSocket endpoint's path.
public struct Subjects: Sendable, Hashable {
    public let dialect: Dialect
    /// `im_v2` or `wsim`, and the path with `_` for `/`: `/ws` gives `im_v2_ws`. Begins the names of Redis keys as well.
    public let prefix: String

    public init(path: String, dialect: Dialect = .v2) {
        var prefix = dialect.root
        for character in path { prefix.append(character == "/" ? "_" : character) }
        self.dialect = dialect
        self.prefix = prefix
    }

    /// Where a node listens.
    public func server(_ name: String) -> String { "\(prefix)Server\(name)" }
    /// Where it is told that a client came online.
    public var online: String { "evt_\(prefix)Online" }
    /// Where it is told that a client went offline.
    public var offline: String { "evt_\(prefix)Offline" }
    /// Where it is told that a client joined channels; an addition of ours.
    public var joined: String { "evt_\(prefix)Joined" }
    /// Where it is told that a client left channels; an addition of ours.
    public var left: String { "evt_\(prefix)Left" }
}
