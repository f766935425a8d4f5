import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Gateway: permessage-deflate")
struct CompressingGatewayTests {
    private static let long = Compressed.long("hello", bytes: 2_000)

    private static func request(_ offer: String) -> String {
        AsyncGateway.request.replacing("Host: a\r\n", with: "Host: a\r\nSec-WebSocket-Extensions: \(offer)\r\n")
    }

    private func extensions(_ answer: String) -> String? {
        let field = answer.split(separator: "\r\n").first { $0.lowercased().hasPrefix("sec-websocket-extensions:") }
        return field.map(String.init)
    }

    @Test("an offer is answered, and messages go compressed both ways from then on")
    func agreed() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn])
        let channel = try await gateway.accept()
        try await channel.send(Self.request("permessage-deflate; client_max_window_bits; server_max_window_bits=13"))
        let answer = try await channel.receive(until: "\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        #expect(
            extensions(answer)
                == "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                + "client_no_context_takeover; server_max_window_bits=12")
        try await channel.send(
            F.make(F.text, Compressed.hello, reserved: 4)
                + F.make(F.text, try Compressed.text(Self.long), reserved: 4) + F.make(F.text, "plain"))
        var frames: [ServerFrame] = []
        try await eventually {
            frames += try await channel.received()
            return frames.count >= 3
        }
        #expect(frames == [.text("Hello"), .compressed(Self.long), .text("plain")])
    }

    @Test(
        "without an offer that can be taken the connection opens all the same, and nothing is compressed",
        arguments: [
            (true, "x-other"), (true, "permessage-deflate; server_max_window_bits=8"), (true, "\""),
            (false, "permessage-deflate"),
        ])
    func declined(isOn: Bool, offer: String) async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn]) { $0.compression = isOn }
        let channel = try await gateway.accept()
        try await channel.send(Self.request(offer))
        let answer = try await channel.receive(until: "\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        #expect(extensions(answer) == nil)
        try await channel.send(F.make(F.text, Self.long))
        try await eventually { try await channel.received() == [.text(Self.long)] }
        try await channel.send(F.make(F.text, Compressed.hello, reserved: 4))
        try await eventually { try await channel.received().first?.closeCode == .protocolError }
    }

    @Test("echoes are compressed from the threshold on, text and binary")
    func threshold() throws {
        let gateway = try EmbeddedGateway { $0.compressionThreshold = ByteCount(200) }
        let terminal = try gateway.connect(window: .large)
        let bytes = [UInt8](repeating: 1, count: 200)
        try terminal.send(F.make(F.binary, bytes) + F.make(F.binary, Array(bytes.dropLast())))
        #expect(
            try terminal.received() == [
                ServerFrame(opcode: .binary, payload: bytes, isCompressed: true),
                ServerFrame(opcode: .binary, payload: Array(bytes.dropLast())),
            ])
        let other = try gateway.connect(8)
        try other.send(F.make(F.text, Self.long))
        #expect(try other.received() == [.text(Self.long)])
    }

    @Test("a bomb is closed with 1009 and damaged bytes with 1007, without harm to others of the shard")
    func hostile() throws {
        let gateway = try EmbeddedGateway()
        let bystander = try gateway.connect(1, window: .large)
        let bomb = try Compressed.bytes(Array(repeating: 0, count: 1_000_000))
        for (payload, code) in [(bomb, CloseCode.messageTooBig), ([0x07], .invalidData)] {
            let terminal = try gateway.connect(window: .large)
            try bystander.send(F.make(F.text, Array(Compressed.hello.prefix(3)), isFinal: false, reserved: 4))
            try terminal.send(F.make(F.binary, payload, reserved: 4))
            #expect(try terminal.received().map(\.closeCode) == [code])
            try bystander.send(F.make(F.continuation, Array(Compressed.hello.dropFirst(3))))
            #expect(try bystander.received() == [.text("Hello")])
        }
    }

    @Test("a hook gets what was compressed as it was, and its reply is compressed")
    func hooks() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn], hooks: [Repeating()])
        let pool = try #require(gateway.context.node.inbound)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            let channel = try await gateway.accept()
            try await channel.send(Self.request("permessage-deflate"))
            _ = try await channel.receive(until: "\r\n\r\n")
            try await channel.send(F.make(F.text, Compressed.hello, reserved: 4))
            let reply = String(repeating: "Hello", count: 1_000)
            try await eventually {
                await channel.testingEventLoop.run()
                return try await channel.received() == [.compressed(reply)]
            }
            pool.finish()
            try await group.waitForAll()
        }
    }

    /// Replies with a thousand times what it gets.
    private struct Repeating: MessageHook {
        var takesInbound: Bool { true }

        func receive(_ message: InboundMessage, messenger: Messenger) async throws -> InboundVerdict {
            guard case .text(let bytes) = message.content else { return .next }
            return .reply(String(repeating: String(buffer: bytes), count: 1_000))
        }
    }
}
