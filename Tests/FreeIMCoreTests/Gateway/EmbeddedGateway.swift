import Deflate
import FreeIMMemory
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

/// A gateway whose only event loop, and time, are the test's.
struct EmbeddedGateway {
    let loop = EmbeddedEventLoop()
    let context: GatewayContext
    let shard: Shard

    init(_ configure: (inout WebSocketConfiguration) -> Void = { _ in }, hooks: [any MessageHook] = []) throws {
        var configuration = WebSocketConfiguration()
        configuration.inbound = hooks.isEmpty ? .echo : .hook
        configure(&configuration)
        let node = try makeNode(on: loop, auth: [], hooks: hooks)
        context = GatewayContext(configuration: configuration, node: node)
        shard = try #require(context.shard(on: loop))
    }

    /// A connection that is open, as after its handshake.
    func connect(_ client: ClientID = 7, window: DeflateWindow? = nil) throws -> Terminal {
        let terminal = try handshake(client, window: window)
        terminal.handler.answer()
        return terminal
    }

    /// A connection that waits for presence.
    func handshake(_ client: ClientID = 7, window: DeflateWindow? = nil) throws -> Terminal {
        #expect(context.enter())
        let channel = EmbeddedChannel(loop: loop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let place = shard.admit(NoSocket())
        let handler = ConnectionHandler(
            gateway: context, shard: shard, place: place, identity: Identity(client: client),
            origin: SocketOrigin(limits: context.addresses), window: window)
        try channel.pipeline.syncOperations.addHandler(handler)
        return Terminal(channel: channel, handler: handler)
    }

    func tick(_ ticks: Tick) {
        for _ in 0..<ticks { shard.tick() }
        loop.run()
    }

    private final class NoSocket: ShardSocket {
        func deadlineReached(now: Tick) -> Tick? { nil }
        func goAway() {}
        func abort() {}
    }
}

/// The other end of a connection.
struct Terminal {
    let channel: EmbeddedChannel
    let handler: ConnectionHandler

    func send(_ bytes: [UInt8]) throws {
        try channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// What has been flushed since the last time, frame by frame.
    func received() throws -> [ServerFrame] {
        var all = ByteBuffer()
        while var bytes = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&bytes) }
        return try ServerFrame.read(&all)
    }
}

/// A frame as a terminal gets it.
struct ServerFrame: Equatable, CustomStringConvertible {
    let opcode: Frame.Opcode
    let payload: [UInt8]
    /// Whether the payload came compressed (RFC 7692); it is told inflated.
    var isCompressed = false

    static func compressed(_ text: String) -> Self {
        Self(opcode: .text, payload: Array(text.utf8), isCompressed: true)
    }
    static func text(_ text: String) -> Self { Self(opcode: .text, payload: Array(text.utf8)) }
    static func pong(_ text: String) -> Self { Self(opcode: .pong, payload: Array(text.utf8)) }
    static let ping = Self(opcode: .ping, payload: [])

    /// The code of a close frame; nil for other frames, and where there is none.
    var closeCode: CloseCode? {
        guard opcode == .close, payload.count >= 2 else { return nil }
        return CloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
    }

    var description: String {
        "\(isCompressed ? "compressed " : "")\(opcode) \(String(decoding: payload, as: UTF8.self))"
    }

    /// Reads whole frames as RFC 6455 §5.2 has them from a server: no mask, no fragments.
    static func read(_ bytes: inout ByteBuffer) throws -> [ServerFrame] {
        var frames: [ServerFrame] = []
        while let (first, second) = bytes.readMultipleIntegers(as: (UInt8, UInt8).self) {
            // The first reserved bit, of messages only, is that of compression.
            #expect(first & 0xB0 == 0x80 && first & 0x48 != 0x48)
            let length: Int? =
                switch second {
                case 126: bytes.readInteger(as: UInt16.self).map(Int.init)
                case 127: bytes.readInteger(as: UInt64.self).map(Int.init)
                default: Int(second)
                }
            let opcode = try #require(Frame.Opcode(rawValue: first & 0x0F))
            let bytes = bytes.readBytes(length: try #require(length))
            let payload = try #require(bytes)
            let isCompressed = first & 0x40 != 0
            frames.append(
                ServerFrame(
                    opcode: opcode, payload: isCompressed ? try Inflater().whole(payload) : payload,
                    isCompressed: isCompressed))
        }
        return frames
    }
}

/// A node on the loops of a group, with everything switched on and nothing running.
func makeNode(
    on group: any EventLoopGroup, auth: [any AuthHook], hooks: [any MessageHook] = [],
    features: [any Feature] = [DirectMessages(), Channels(), EventBus()]
) throws -> Node {
    let identity = NodeIdentity(name: "a")
    let transport = MemoryTransport(eventLoopGroup: group)
    var configuration = NodeConfiguration(
        identity: identity, transport: transport,
        presence: MemoryPresence(identity: identity, transport: transport), authHooks: auth, features: features,
        eventLoopGroup: group, logger: .silent)
    configuration.messageHooks = hooks
    configuration.inboundWorkers = 1
    return try Node(configuration)
}
