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
    /// The generations of FreeIM whose names are served; the first is the one for what belongs to neither.
    public var dialects: [Dialect]

    public static let defaultPublicURL = "ws://{server}{path}"
    /// Where terminals need TLS.
    public static let defaultEncryptedPublicURL = "wss://{server}{path}"

    public init(
        name: String, servers: [String]? = nil, path: String = "/ws", publicURL: String = Self.defaultPublicURL,
        dialects: [Dialect] = Dialect.allCases
    ) {
        self.name = name
        self.dialects = dialects.isEmpty ? Dialect.allCases : dialects
        self.servers = servers ?? [name]
        self.path = path
        self.publicURL = publicURL
    }

    /// The names of the first dialect.
    public var subjects: Subjects { Subjects(path: path, dialect: dialects.first ?? .v2) }
    /// The names of all dialects.
    public var allSubjects: [Subjects] { dialects.map { Subjects(path: path, dialect: $0) } }

    /// The names under which a client lives: a GUID's are FreeIM v1's, any other's v2's, where they are served.
    public func subjects(for client: ClientID) -> Subjects {
        Subjects(path: path, dialect: dialect(of: client))
    }

    public func dialect(of client: ClientID) -> Dialect {
        let natural: Dialect = if case .guid = client.kind { .v1 } else { .v2 }
        return dialects.contains(natural) ? natural : dialects.first ?? .v2
    }

    public var partition: Partition { Partition(servers: servers) }

    /// The URL at which `server` is reached, without a query.
    public func url(of server: String) -> String {
        publicURL.replacing("{server}", with: server).replacing("{path}", with: path)
    }
}
