/// What a node is called, which nodes there are, and how terminals reach them.
public struct NodeIdentity: Sendable, Equatable {
    /// The node's address on the bus; one of ``servers``.
    public var name: String
    /// The names of all nodes of the cluster, in the order that every node and business service uses.
    public var servers: [String]
    /// The path of the WebSocket endpoint; names the cluster on the bus.
    public var path: String
    /// The connect URL without its query; `{server}` and `{path}` stand for a node's name and ``path``.
    public var publicURL: String

    public static let defaultPublicURL = "ws://{server}{path}"

    public init(
        name: String, servers: [String]? = nil, path: String = "/ws", publicURL: String = Self.defaultPublicURL
    ) {
        self.name = name
        self.servers = servers ?? [name]
        self.path = path
        self.publicURL = publicURL
    }

    public var subjects: Subjects { Subjects(path: path) }
    public var partition: Partition { Partition(servers: servers) }

    /// The URL at which `server` is reached, without a query.
    public func url(of server: String) -> String {
        publicURL.replacing("{server}", with: server).replacing("{path}", with: path)
    }
}
