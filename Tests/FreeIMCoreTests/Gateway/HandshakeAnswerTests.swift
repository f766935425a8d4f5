import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("The answer to a handshake waits for presence")
struct HandshakeAnswerTests {
    /// A terminal that is in its shard, and of which presence has said nothing yet.
    private func waiting(
        _ configure: (inout WebSocketConfiguration) -> Void = { _ in }
    ) async throws -> (gateway: AsyncGateway, channel: NIOAsyncTestingChannel) {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn], configure)
        let channel = try await gateway.accept()
        try await gateway.loop.executeInContext { [shard = gateway.shard] in shard.shard.onChange = { _ in } }
        try await channel.send(AsyncGateway.request)
        try await eventually {
            try await gateway.loop.executeInContext { [shard = gateway.shard] in shard.shard.connectionCount == 1 }
        }
        return (gateway, channel)
    }

    private func on(_ gateway: AsyncGateway, _ body: @escaping @Sendable (Shard, SocketID) -> Void) async throws {
        try await gateway.loop.executeInContext { [shard = gateway.shard] in
            body(shard.shard, SocketID(index: 0, generation: 0))
        }
        await gateway.loop.run()
    }

    private func deliver(_ text: String, on gateway: AsyncGateway) async throws {
        let frames = Frame.make(.text, ByteBuffer(string: text), allocator: ByteBufferAllocator())
        try await on(gateway) { shard, _ in
            _ = shard.carryOut([.deliver(Delivery(audience: .client(7), frames: frames))])
        }
    }

    /// All that has been flushed.
    private func text(_ channel: NIOAsyncTestingChannel) async throws -> String {
        var all = ""
        while let bytes = try await channel.readOutbound(as: ByteBuffer.self) {
            all += String(decoding: bytes.readableBytesView, as: UTF8.self)
        }
        return all
    }

    @Test("who is banned gets 403 with the time that is left, and nothing of what was sent to it")
    func banned() async throws {
        let (gateway, channel) = try await waiting()
        try await deliver("secret", on: gateway)
        #expect(try await text(channel) == "")
        try await on(gateway) { shard, id in shard.refuse(id, .banned(.milliseconds(61_001))) }
        let answer = try await text(channel)
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(answer.contains("Retry-After: 62\r\n"))
        let body = #"{"error":{"code":"banned","message":"this client may not connect for another 62 s"}}"#
        #expect(answer.hasSuffix(body))
        try await on(gateway) { shard, id in shard.answer([id]) }
        #expect(try await text(channel) == "")
        // The terminal does not close its half: it is cut.
        try await gateway.tick(gateway.context.closeTicks)
        #expect(await gateway.isEmpty())
    }

    @Test("what was sent meanwhile comes behind the answer, in order")
    func held() async throws {
        let (gateway, channel) = try await waiting()
        for text in ["one", "two"] { try await deliver(text, on: gateway) }
        #expect(try await text(channel) == "")
        try await on(gateway) { shard, id in shard.answer([id]) }
        try await deliver("three", on: gateway)
        let answer = try await text(channel)
        #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n\u{FFFD}\u{3}one\u{FFFD}\u{3}two\u{FFFD}\u{5}three"))
    }

    @Test("beyond max_pending it does not wait")
    func full() async throws {
        let (gateway, channel) = try await waiting { $0.maxPending = ByteCount(16) }
        try await deliver("0123456789", on: gateway)
        #expect(try await text(channel) == "")
        try await deliver("0123456789", on: gateway)
        #expect(try await text(channel).hasPrefix("HTTP/1.1 101 "))
    }

    @Test("a connection that is closed meanwhile is opened and closed")
    func closed() async throws {
        let (gateway, channel) = try await waiting()
        try await on(gateway) { shard, _ in _ = shard.carryOut([.close(7, .forcedOffline, reason: "spam")]) }
        let answer = try await text(channel)
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        #expect(answer.hasSuffix("spam"))
    }

    @Test("a refusal that comes too late is a close frame", arguments: [true, false])
    func late(isBanned: Bool) async throws {
        let (gateway, channel) = try await waiting()
        try await on(gateway) { shard, id in shard.answer([id]) }
        #expect(try await text(channel).hasPrefix("HTTP/1.1 101 "))
        try await on(gateway) { shard, id in
            shard.refuse(id, isBanned ? .banned(.seconds(1)) : .tooManyConnections(limit: 1))
        }
        let frame = try #require(try await channel.received().first)
        #expect(frame.closeCode == (isBanned ? .forcedOffline : .replaced))
    }

    @Test("one connection too many is told how many may be")
    func tooMany() async throws {
        let (gateway, channel) = try await waiting()
        try await on(gateway) { shard, id in shard.refuse(id, .tooManyConnections(limit: 3)) }
        let answer = try await text(channel)
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(!answer.contains("Retry-After"))
        #expect(answer.contains(#""code":"too_many_of_client""#) && answer.contains("3; close one"))
    }
}
