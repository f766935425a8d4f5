public import NIOCore
public import ServiceLifecycle

/// `gateway.websocket`: the edge at which terminals hold their WebSocket (RFC 6455).
public struct WebSocketGateway: Gateway, Reloads {
    public let configuration: WebSocketConfiguration
    private let identity: TLSIdentity?
    private let onListening: @Sendable (SocketAddress) -> Void

    /// - Parameter onListening: told each bound address once, that of ``WebSocketConfiguration/listen`` first; of use with
    ///   port 0.
    public init(
        _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
        onListening: @escaping @Sendable (SocketAddress) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.identity = configuration.tls.map { TLSIdentity($0, owner: Self.id, part: "gateway") }
        self.onListening = onListening
    }

    static let id = "gateway.websocket"

    public var path: String { configuration.path }
    public var listen: ListenAddress? { configuration.listen ?? configuration.tls?.listen }
    public var isEncrypted: Bool { configuration.listen == nil && configuration.tls != nil }

    /// Reads the certificate again.
    public func reload() async throws(ModuleError) {
        try identity?.reload()
    }
    public var maximumConnections: Int? { configuration.maxConnections }

    public func service(on node: Node) throws(ModuleError) -> any Service {
        let addresses = [configuration.listen, configuration.tls?.listen].compactMap(\.self)
        guard !addresses.isEmpty else {
            throw ModuleError(.conflict, "the gateway listens nowhere; set 'listen' or 'tls_listen'")
        }
        for address in addresses where !address.isLoopback {
            for hook in node.configuration.authHooks {
                if let reason = hook.loopbackOnly {
                    throw ModuleError(
                        .conflict, "the gateway listens on \(address), beyond loopback, but \(reason)")
                }
            }
        }
        if node.inbound != nil, let inbound = configuration.inbound, inbound != .hook {
            throw ModuleError(
                .conflict,
                """
                a module takes the messages of terminals, but the gateway's 'inbound' is \(inbound.rawValue); \
                set 'inbound: hook' or leave it out
                """)
        }
        if let timeout = node.configuration.shutdownTimeout, configuration.drainDelay >= timeout {
            throw ModuleError(
                .conflict,
                """
                the gateway's 'drain_delay' of \(configuration.drainDelay.sectionText) leaves no time to let terminals go \
                within the node's 'shutdown_timeout' of \(timeout.sectionText); shorten the one or lengthen the other
                """)
        }
        try identity?.load()
        return WebSocketService(
            configuration: configuration, identity: identity, node: node, onListening: onListening)
    }
}

extension ModuleFactory where Product == any Gateway {
    /// `gateway.websocket`
    public static var webSocket: Self {
        Self("websocket", "WebSocket edge for terminals (RFC 6455)", configuration: WebSocketConfiguration.self) {
            configuration, _ in WebSocketGateway(configuration)
        }
    }
}
