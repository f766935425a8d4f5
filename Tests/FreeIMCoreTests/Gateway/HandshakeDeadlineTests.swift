import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FreeIMCore

@Suite("Handshake deadlines and admission")
struct HandshakeDeadlineTests {
    private func refusal(_ channel: NIOAsyncTestingChannel) async throws -> String {
        let answer = try await channel.receive(until: "}}")
        let status = answer.split(separator: " ").dropFirst().first ?? ""
        let code = answer.split(separator: #""code":""#).dropFirst().first?.split(separator: "\"").first ?? ""
        return "\(status) \(code)"
    }

    /// A hook that waits to be cancelled, and counts how often it was.
    private final class Cancelled: AuthHook {
        let asked = Mutex(0)
        let cancelled = Mutex(0)

        func authenticate(_ request: ConnectRequest) async throws -> AuthDecision {
            asked.withLock { $0 += 1 }
            do { try await Gate().wait() } catch { cancelled.withLock { $0 += 1 } }
            return .allow(Identity(client: 7))
        }
    }

    private func gateway(_ auth: any AuthHook, auth authTimeout: Duration = .seconds(5)) throws -> AsyncGateway {
        try AsyncGateway(auth: [auth]) {
            $0.handshakeTimeout = .seconds(10)
            $0.authTimeout = authTimeout
            $0.maxConnections = 2
        }
    }

    @Test("a socket without a whole request is refused with 408 at the handshake's deadline")
    func noRequest() async throws {
        let gateway = try gateway(ScriptedAuth.letsIn)
        let channel = try await gateway.accept()
        try await channel.send("GET /ws HTTP/1.1\r\nHost: a")
        try await gateway.tick(gateway.context.handshakeTicks - 1)
        #expect(channel.isActive)
        try await gateway.tick(1)
        #expect(try await refusal(channel) == "408 handshake_timeout")
        try await eventually { await gateway.isEmpty() }
        #expect(try await gateway.socketCount() == 0)
    }

    @Test("hooks that take too long lead to 503, and are cancelled")
    func authTimeout() async throws {
        let hook = Cancelled()
        let gateway = try gateway(hook)
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        try await eventually { hook.asked.withLock { $0 } == 1 }
        try await gateway.tick(gateway.context.authTicks - 1)
        #expect(channel.isActive)
        try await gateway.tick(1)
        #expect(try await refusal(channel) == "503 auth_timeout")
        try await eventually { hook.cancelled.withLock { $0 } == 1 }
        try await eventually { await gateway.isEmpty() }
    }

    @Test("hooks get their own time also where the request came late, up to the handshake's deadline")
    func lateRequest() async throws {
        let gateway = try gateway(Cancelled())
        let early = try await gateway.accept()
        try await gateway.tick(gateway.context.handshakeTicks - gateway.context.authTicks - 2)
        try await early.send(AsyncGateway.request)
        try await gateway.tick(gateway.context.authTicks)
        #expect(try await refusal(early) == "503 auth_timeout")

        let late = try await gateway.accept()
        try await gateway.tick(gateway.context.handshakeTicks - 2)
        try await late.send(AsyncGateway.request)
        try await gateway.tick(1)
        #expect(late.isActive)
        try await gateway.tick(1)
        #expect(try await refusal(late) == "408 handshake_timeout")
    }

    @Test("a hook is cancelled when the terminal goes")
    func terminalGoes() async throws {
        let hook = Cancelled()
        let gateway = try gateway(hook)
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        try await eventually { hook.asked.withLock { $0 } == 1 }
        try await channel.close()
        try await eventually { hook.cancelled.withLock { $0 } == 1 }
        try await eventually { await gateway.isEmpty() }
        #expect(try await gateway.socketCount() == 0)
    }

    @Test("the deadlines of the handshake do not touch the connection that came of it")
    func afterwards() async throws {
        let gateway = try gateway(ScriptedAuth.letsIn)
        let channel = try await gateway.accept()
        try await channel.send(AsyncGateway.request)
        _ = try await channel.receive(until: "\r\n\r\n")
        try await gateway.tick(gateway.context.handshakeTicks + 1)
        #expect(channel.isActive)
        #expect(try await channel.received() == [])
    }

    @Test("beyond the connections that are allowed, handshakes are refused with 503")
    func tooMany() async throws {
        let gateway = try gateway(ScriptedAuth.letsIn)
        var channels: [NIOAsyncTestingChannel] = []
        for _ in 0..<2 {
            let channel = try await gateway.accept()
            try await channel.send(AsyncGateway.request)
            _ = try await channel.receive(until: "\r\n\r\n")
            channels.append(channel)
        }
        let third = try await gateway.accept()
        try await third.send(AsyncGateway.request)
        #expect(try await refusal(third) == "503 too_many_connections")
        try await channels[0].close()
        try await eventually {
            await gateway.loop.run()
            return gateway.context.census.count == 1
        }
        let fourth = try await gateway.accept()
        try await fourth.send(AsyncGateway.request)
        #expect(try await fourth.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
    }

    @Test("a node that stops refuses handshakes with 503, also those under way")
    func goingAway() async throws {
        let gateway = try gateway(Cancelled())
        let reading = try await gateway.accept()
        let authenticating = try await gateway.accept()
        try await authenticating.send(AsyncGateway.request)
        gateway.context.census.close()
        try await gateway.loop.executeInContext { gateway.shard.shard.goAwayAll() }
        #expect(try await refusal(reading) == "503 going_away")
        #expect(try await refusal(authenticating) == "503 going_away")
        try await gateway.context.census.waitUntilEmpty()
        #expect(!gateway.context.enter())
    }

    @Test("while a node lets its connections go, new handshakes are still answered, with 503 and when to come back")
    func draining() async throws {
        let gateway = try gateway(ScriptedAuth.letsIn)
        gateway.context.census.refuse()
        gateway.context.departure.plan(spread: .zero, end: .now() + .hours(1))
        let late = try await gateway.accept()
        try await late.send(AsyncGateway.request)
        let answer = try await late.receive(until: "}}")
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.contains("Retry-After: 3"))
        #expect(answer.contains(#""code":"going_away""#))
    }
}
