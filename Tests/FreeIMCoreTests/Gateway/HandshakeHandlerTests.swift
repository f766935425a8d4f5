import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Handshake handler")
struct HandshakeHandlerTests {
    /// An auth hook that waits until it is cancelled.
    private static let slow = ScriptedAuth { _ in
        try await Gate().wait()
        return .abstain
    }

    private func error(_ answer: String) -> (status: String, code: String) {
        let status = answer.split(separator: " ").dropFirst().first ?? ""
        let code = answer.split(separator: #""code":""#).dropFirst().first?.split(separator: "\"").first ?? ""
        return (String(status), String(code))
    }

    /// Everything up to the end of the JSON body.
    private func refusal(_ channel: NIOAsyncTestingChannel) async throws -> (status: String, code: String) {
        error(try await channel.receive(until: "}}"))
    }

    @Test("a request that is allowed becomes a connection, with the key's answer of RFC 6455")
    func opens() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn])
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        let answer = try await channel.receive(until: "\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 101 "))
        #expect(answer.lowercased().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
        try await channel.send(F.make(F.text, "hello"))
        try await eventually { try await channel.received() == [.text("hello")] }
        #expect(try await gateway.loop.executeInContext { gateway.shard.shard.connectionCount } == 1)
    }

    @Test("frames that come with the request, or while it is authenticated, reach the connection in order")
    func earlyFrames() async throws {
        let gate = Gate()
        let gateway = try AsyncGateway(auth: [
            ScriptedAuth { _ in
                try await gate.wait()
                return .allow(Identity(client: 7))
            }
        ])
        let channel = try await gateway.accept()
        try await channel.send(
            Array(AsyncGateway.request.utf8) + F.make(F.text, "with") + F.make(F.text, "it").prefix(3))
        try await channel.send(F.make(F.text, "it").dropFirst(3) + F.make(F.text, "later"))
        gate.open()
        _ = try await channel.receive(until: "\r\n\r\n")
        var frames: [ServerFrame] = []
        try await eventually {
            frames += try await channel.received()
            return frames.count >= 3
        }
        #expect(frames == [.text("with"), .text("it"), .text("later")])
    }

    @Test("more than the head's limit while a request is authenticated ends the socket")
    func tooManyEarlyBytes() async throws {
        let gateway = try AsyncGateway(auth: [Self.slow]) { $0.maxHeader = ByteCount(2_048) }
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        try await channel.send(Array(repeating: 0x61, count: 2_000))
        #expect(channel.isActive)
        try await channel.send(Array(repeating: 0x61, count: 2_000))
        try await eventually { await gateway.isEmpty() && !channel.isActive }
    }

    @Test("a head that comes in pieces is understood")
    func pieces() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn])
        let channel = try await gateway.accept()
        for byte in AsyncGateway.request.utf8 { try await channel.send([byte]) }
        #expect(try await channel.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
    }

    @Test("a request that hooks abstain from is refused with 401")
    func abstained() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth { _ in .abstain }, ScriptedAuth { _ in .abstain }])
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        #expect(try await refusal(channel) == ("401", "unauthorized"))
    }

    @Test("the first hook that decides has decided")
    func order() async throws {
        let asked = Mutex<[Int]>([])
        let gateway = try AsyncGateway(auth: [
            ScriptedAuth { _ in
                asked.withLock { $0.append(1) }
                return .abstain
            },
            ScriptedAuth { _ in
                asked.withLock { $0.append(2) }
                return .deny(Denial(.tooManyRequests, code: "slow_down", message: "later"))
            },
            ScriptedAuth { _ in
                asked.withLock { $0.append(3) }
                return .allow(Identity(client: 7))
            },
        ])
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        let answer = try await channel.receive(until: "}}")
        #expect(error(answer) == ("429", "slow_down"))
        #expect(answer.lowercased().contains("retry-after:"))
        #expect(asked.withLock { $0 } == [1, 2])
    }

    @Test("a hook that throws leads to 503, and its error stays inside")
    func throwing() async throws {
        struct Secret: Error {}
        let gateway = try AsyncGateway(auth: [ScriptedAuth { _ in throw Secret() }])
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        let answer = try await channel.receive(until: "}}")
        #expect(error(answer) == ("503", "auth_unavailable"))
        #expect(!answer.contains("Secret"))
    }

    @Test("the system's id cannot connect")
    func system() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth { _ in .allow(Identity(client: 0)) }])
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        #expect(try await refusal(channel) == ("403", "reserved_client"))
    }

    @Test(
        "what is no proper request is refused and says why",
        arguments: [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "404"), ("POST /ws HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
            ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", "426"), ("rubbish\r\n\r\n", "400"),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}", "400"),
            ("GET /ws HTTP/1.1\r\nX: " + String(repeating: "x", count: 5_000) + "\r\n\r\n", "431"),
            ("GET /ws HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 2_000) + "\r\n", "431"),
            ("GET /ws?" + String(repeating: "x", count: 5_000) + " HTTP/1.1\r\n\r\n", "431"),
        ])
    func improper(request: String, status: String) async throws {
        let gateway = try AsyncGateway { $0.maxHeader = ByteCount(4_096) }
        let channel = try await gateway.accept()
        try? await channel.send(request)
        #expect(try await refusal(channel).status == status)
        try await eventually { await gateway.isEmpty() && !channel.isActive }
    }
}
