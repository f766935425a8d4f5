public import ServiceLifecycle

/// The edge at which terminals connect.
public protocol Gateway: Sendable {
    /// The path of the endpoint, `/ws` for instance; names the cluster on FreeIM's wire.
    var path: String { get }
    /// What is bound; a node's name where it has no other. nil: nothing.
    var listen: ListenAddress? { get }
    /// Whether terminals need TLS at ``listen``: connect URLs begin with `wss` by default then.
    var isEncrypted: Bool { get }
    /// Connections at a time, each with a descriptor; nil where there is no limit.
    var maximumConnections: Int? { get }

    /// The service that lets terminals in to a node. Its `run()` awaits ``Node/ready()``, binds, and on graceful
    /// shutdown stops accepting and ends its connections. It tells ``Node/lifecycle`` both.
    ///
    /// - Throws: ``ModuleError`` where the gateway and the node's other modules do not fit.
    func service(on node: Node) throws(ModuleError) -> any Service
}

extension Gateway {
    public var isEncrypted: Bool { false }
    public var maximumConnections: Int? { nil }
}
