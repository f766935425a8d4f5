/// Where clients have connections on other nodes, as presence tells it. Only on the node's bus loop.
struct Locations {
    struct Entry {
        /// The other nodes, in a stable order.
        let nodes: [String]
        /// Connections on all of them.
        let connections: Int
        fileprivate let age: UInt64
    }

    private let node: String
    private var entries: [ClientID: Entry] = [:]
    /// Rises with each list of all locations.
    private var age: UInt64 = 0

    init(node: String) {
        self.node = node
    }

    subscript(client: ClientID) -> Entry? { entries.isEmpty ? nil : entries[client] }

    /// - Parameter isWanted: whether the client is here, or at home here; of others nothing is kept.
    mutating func told(_ location: ClientLocation, isWanted: Bool) {
        switch location {
        case .listBegins: age += 1
        case .listEnds: entries = entries.filter { $0.value.age == age }
        default:
            let others = location.connections.filter { $0.key != node }
            entries[location.client] =
                others.isEmpty || !isWanted
                ? nil : Entry(nodes: others.keys.sorted(), connections: others.values.reduce(0, +), age: age)
        }
    }
}
