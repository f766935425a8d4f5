import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("WebSocket gateway")
struct WebSocketGatewayTests {
    private struct OpenToAll: AuthHook {
        var loopbackOnly: String? { "it lets anyone in; set 'allow_remote: true'" }
        func authenticate(_ request: ConnectRequest) async throws -> AuthDecision { .abstain }
    }

    private struct InboundHook: MessageHook {
        var takesInbound: Bool { true }
    }

    private func gateway(
        listen: String, inbound: WebSocketConfiguration.Inbound? = nil
    ) throws -> WebSocketGateway {
        var configuration = WebSocketConfiguration()
        let address: ListenAddress = try #require(ListenAddress(sectionText: listen))
        configuration.listen = address
        configuration.inbound = inbound
        return WebSocketGateway(configuration)
    }

    @Test("a hook for loopback alone does not listen beyond it", arguments: [":6001", "192.0.2.1:6001", "[::]:6001"])
    func beyondLoopback(listen: String) throws {
        let node = try makeNode(on: EmbeddedEventLoop(), auth: [ScriptedAuth.letsIn, OpenToAll()])
        let gateway = try gateway(listen: listen)
        let error = #expect(throws: ModuleError.self) { try gateway.service(on: node) }
        #expect(error?.code == .conflict)
        #expect(error?.message.contains("allow_remote: true") == true)
    }

    @Test("a gateway that listens nowhere, and one over TLS without its files, cannot run")
    func impossible() throws {
        let node = try makeNode(on: EmbeddedEventLoop(), auth: [])
        var configuration = WebSocketConfiguration()
        configuration.listen = nil
        let nowhere = #expect(throws: ModuleError.self) { try WebSocketGateway(configuration).service(on: node) }
        #expect(nowhere?.message == "the gateway listens nowhere; set 'listen' or 'tls_listen'")
        configuration.tls = TLSListener(
            listen: ListenAddress(host: "127.0.0.1", port: 0), certificateFile: "/nowhere/a.crt",
            keyFile: "/nowhere/a.key")
        let bare = #expect(throws: ModuleError.self) { try WebSocketGateway(configuration).service(on: node) }
        #expect(
            bare?.message == """
                'tls_certificate' of gateway.websocket: there is no file /nowhere/a.crt; put it there, or name another; and \
                'tls_key' of gateway.websocket: there is no file /nowhere/a.key; put it there, or name another
                """)
    }

    @Test("a hook for loopback alone listens there", arguments: ["127.0.0.1:6001", "localhost:6001", "[::1]:6001"])
    func onLoopback(listen: String) throws {
        _ = try gateway(listen: listen).service(on: makeNode(on: EmbeddedEventLoop(), auth: [OpenToAll()]))
    }

    @Test(
        "a module that takes messages conflicts with a gateway that does not give them",
        arguments: [
            (WebSocketConfiguration.Inbound?.none, true), (.hook, true), (.echo, false), (.discard, false),
        ])
    func inbound(inbound: WebSocketConfiguration.Inbound?, fits: Bool) throws {
        let node = try makeNode(on: EmbeddedEventLoop(), auth: [], hooks: [InboundHook()])
        let gateway = try gateway(listen: "127.0.0.1:0", inbound: inbound)
        if fits {
            _ = try gateway.service(on: node)
        } else {
            let error = #expect(throws: ModuleError.self) { try gateway.service(on: node) }
            #expect(error?.code == .conflict)
        }
    }

    @Test("messages are discarded where no module takes them, else given to the hooks")
    func defaultInbound() throws {
        let loop = EmbeddedEventLoop()
        let without = GatewayContext(
            configuration: WebSocketConfiguration(), node: try makeNode(on: loop, auth: []))
        #expect(without.inbound == .discard)
        #expect(!without.limits.keepsMessages)
        let with = GatewayContext(
            configuration: WebSocketConfiguration(), node: try makeNode(on: loop, auth: [], hooks: [InboundHook()]))
        #expect(with.inbound == .hook)
        #expect(with.limits.keepsMessages)
    }

    @Test("a drain_delay that takes all of shutdown_timeout is refused", arguments: [(29, true), (30, false)])
    func drainDelay(seconds: Int, fits: Bool) throws {
        var nodeConfiguration = try makeNode(on: EmbeddedEventLoop(), auth: []).configuration
        nodeConfiguration.shutdownTimeout = .seconds(30)
        let node = try Node(nodeConfiguration)
        var configuration = WebSocketConfiguration()
        configuration.drainDelay = .seconds(seconds)
        let gateway = WebSocketGateway(configuration)
        if fits {
            _ = try gateway.service(on: node)
        } else {
            let error = #expect(throws: ModuleError.self) { try gateway.service(on: node) }
            #expect(error?.code == .conflict)
            #expect(error?.message.contains("'drain_delay' of 30s") == true)
        }
    }
}
