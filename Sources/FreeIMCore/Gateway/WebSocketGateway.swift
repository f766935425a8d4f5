public import NIOCore
public import ServiceLifecycle

/// `gateway.websocket`: the edge at which terminals hold their WebSocket (RFC 6455).
public struct WebSocketGateway: Gateway {
    public let configuration: WebSocketConfiguration
    private let onListening: @Sendable (SocketAddress) -> Void

    /// - Parameter onListening: told the bound address, once; of use with port 0.
    public init(
        _ configuration: WebSocketConfiguration = WebSocketConfiguration(),
        onListening: @escaping @Sendable (SocketAddress) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.onListening = onListening
    }

    public var path: String { configuration.path }
    public var listen: ListenAddress { configuration.listen }

    public func service(on node: Node) throws(ModuleError) -> any Service {
        if !configuration.listen.isLoopback {
            for hook in node.configuration.authHooks {
                if let reason = hook.loopbackOnly {
                    throw ModuleError(
                        .conflict, "the gateway listens on \(configuration.listen), beyond loopback, but \(reason)")
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
        if configuration.abuse.proxyProtocol, configuration.abuse.trustedProxies.isEmpty {
            throw ModuleError(
                .conflict,
                """
                the gateway's 'proxy_protocol' is true, but 'trusted_proxies' names nobody whose PROXY header is believed; \
                list your proxies' addresses there
                """)
        }
        return WebSocketService(configuration: configuration, node: node, onListening: onListening)
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
