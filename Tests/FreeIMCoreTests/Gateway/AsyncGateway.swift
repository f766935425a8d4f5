import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

/// A gateway on an event loop that tasks may call, whose shard's clock is the test's.
struct AsyncGateway {
    let loop = NIOAsyncTestingEventLoop()
    let context: GatewayContext
    let shard: ShardHandle

    init(
        auth: [any AuthHook] = [], hooks: [any MessageHook] = [],
        _ configure: (inout WebSocketConfiguration) -> Void = { _ in }
    ) throws {
        var configuration = WebSocketConfiguration()
        configuration.inbound = hooks.isEmpty ? .echo : .hook
        configure(&configuration)
        let node = try makeNode(on: loop, auth: auth, hooks: hooks)
        context = GatewayContext(configuration: configuration, node: node)
        shard = try #require(node.shards.first)
    }

    /// A socket that was accepted.
    func accept(from address: String = "127.0.0.1") async throws -> NIOAsyncTestingChannel {
        let channel = NIOAsyncTestingChannel(loop: loop)
        let context = context
        try await loop.executeInContext { [shard] in
            shard.shard.onChange = { [unowned shard = shard.shard] in shard.answer([$0.socket]) }
            #expect(context.enter())
            try WebSocketService.configure(channel, context, peer: SocketAddress(ipAddress: address, port: 1))
        }
        try await channel.connect(to: SocketAddress(ipAddress: address, port: 1))
        return channel
    }

    func tick(_ ticks: Tick) async throws {
        for _ in 0..<ticks { try await loop.executeInContext { [shard] in shard.shard.tick() } }
        await loop.run()
    }

    /// Whether all sockets are gone, what the loop has still to do with them included.
    func isEmpty() async -> Bool {
        await loop.run()
        return context.census.count == 0
    }

    func socketCount() async throws -> Int { try await loop.executeInContext { [shard] in shard.shard.socketCount } }

    static let request = request()

    /// - Parameter fields: further ones, each with its end.
    static func request(_ query: String = "client=7", fields: String = "") -> String {
        """
        GET /ws?\(query) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\(fields)\r\n
        """
    }
}

extension NIOAsyncTestingChannel {
    func send(_ text: String) async throws { try await writeInbound(ByteBuffer(string: text)) }
    func send(_ bytes: [UInt8]) async throws { try await writeInbound(ByteBuffer(bytes: bytes)) }

    /// All that is flushed until `text` has come, and not what is flushed behind it.
    func receive(until text: String) async throws -> String {
        var all = ""
        try await eventually {
            await testingEventLoop.run()
            while !all.contains(text), let bytes = try await readOutbound(as: ByteBuffer.self) {
                all += String(buffer: bytes)
            }
            return all.contains(text)
        }
        return all
    }

    /// All that has been flushed and not been read, frame by frame.
    func received() async throws -> [ServerFrame] {
        var all = ByteBuffer()
        while var bytes = try await readOutbound(as: ByteBuffer.self) { all.writeBuffer(&bytes) }
        return try ServerFrame.read(&all)
    }
}

/// Decides as told.
struct ScriptedAuth: AuthHook {
    let decide: @Sendable (ConnectRequest) async throws -> AuthDecision

    init(_ decide: @escaping @Sendable (ConnectRequest) async throws -> AuthDecision) {
        self.decide = decide
    }

    func authenticate(_ request: ConnectRequest) async throws -> AuthDecision { try await decide(request) }

    static let letsIn = ScriptedAuth { request in
        request.parameter("client").flatMap { ClientID($0) }.map { .allow(Identity(client: $0)) } ?? .abstain
    }
}
