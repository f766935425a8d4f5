import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Limits of addresses and terminals")
struct AbuseTests {
    private static func ranges(_ texts: String...) -> [AddressRange] {
        texts.compactMap { AddressRange(sectionText: $0) }
    }

    private func open(
        _ gateway: AsyncGateway, from address: String, _ request: String = AsyncGateway.request
    ) async throws -> (channel: NIOAsyncTestingChannel, answer: String) {
        let channel = try await gateway.accept(from: address)
        // Refused before it asks, it may be closed already.
        if channel.isActive { try? await channel.send(request) }
        let answer = try await channel.receive(until: "\r\n\r\n")
        return (channel, answer)
    }

    // MARK: Addresses

    @Test(
        "an address has so many sockets at a time, IPv6 by /64; further ones are answered 429, other addresses let in")
    func connectionsPerAddress() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn]) { $0.abuse.addresses.connectionsPerAddress = 2 }
        let first = try await open(gateway, from: "2001:db8::1")
        #expect(first.answer.hasPrefix("HTTP/1.1 101"))
        #expect(try await open(gateway, from: "2001:db8::2").answer.hasPrefix("HTTP/1.1 101"))
        let third = try await open(gateway, from: "2001:db8::3")
        #expect(third.answer.hasPrefix("HTTP/1.1 429"))
        #expect(third.answer.contains("Retry-After: "))
        #expect(try await open(gateway, from: "2001:db8:0:1::1").answer.hasPrefix("HTTP/1.1 101"))
        try await first.channel.close()
        await gateway.loop.run()
        #expect(try await open(gateway, from: "2001:db8::4").answer.hasPrefix("HTTP/1.1 101"))
    }

    @Test("a socket that says nothing counts as well")
    func silentSockets() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn]) { $0.abuse.addresses.connectionsPerAddress = 1 }
        _ = try await gateway.accept(from: "192.0.2.1")
        #expect(try await open(gateway, from: "192.0.2.1").answer.hasPrefix("HTTP/1.1 429"))
    }

    @Test("whoever connects too often is answered 429 and closed at once")
    func attemptsPerAddress() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn]) { $0.abuse.attemptsPerAddress = 1 }
        for _ in 0..<10 { try await open(gateway, from: "192.0.2.1").channel.close() }
        let refused = try await open(gateway, from: "192.0.2.1")
        #expect(refused.answer.hasPrefix("HTTP/1.1 429"))
        #expect(await gateway.isEmpty())
        #expect(try await open(gateway, from: "192.0.2.2").answer.hasPrefix("HTTP/1.1 101"))
    }

    @Test("after so many wrong credentials the auth hooks are not asked for that address")
    func denialsPerAddress() async throws {
        let asked = Mutex(0)
        let hook = ScriptedAuth { request in
            asked.withLock { $0 += 1 }
            return try await ScriptedAuth.letsIn.authenticate(request)
        }
        let gateway = try AsyncGateway(auth: [hook]) { $0.abuse.addresses.denialsPerAddress = 3 }
        for _ in 0..<3 {
            let wrong = try await open(gateway, from: "192.0.2.1", AsyncGateway.request("token=x"))
            #expect(wrong.answer.hasPrefix("HTTP/1.1 401"))
        }
        #expect(try await open(gateway, from: "192.0.2.1").answer.hasPrefix("HTTP/1.1 429"))
        #expect(asked.withLock { $0 } == 3)
        #expect(try await open(gateway, from: "192.0.2.2").answer.hasPrefix("HTTP/1.1 101"))
    }

    @Test(
        "all addresses together make so many handshakes in a second, further ones are answered 503 with a while to wait"
    )
    func handshakesPerSecond() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn]) { $0.abuse.handshakesPerSecond = 2 }
        for address in ["192.0.2.1", "192.0.2.2"] {
            #expect(try await open(gateway, from: address).answer.hasPrefix("HTTP/1.1 101"))
        }
        let refused = try await open(gateway, from: "192.0.2.3")
        #expect(refused.answer.hasPrefix("HTTP/1.1 503"))
        #expect(refused.answer.contains("Retry-After: "))
    }

    // MARK: Proxies

    @Test("a trusted proxy's X-Forwarded-For says whose a connection is, anyone else's says nothing")
    func forwardedFor() async throws {
        let seen = Mutex<[String]>([])
        let hook = ScriptedAuth { request in
            seen.withLock { $0.append(request.peer?.ipAddress ?? "none") }
            return try await ScriptedAuth.letsIn.authenticate(request)
        }
        let gateway = try AsyncGateway(auth: [hook]) {
            $0.abuse.addresses.connectionsPerAddress = 1
            $0.abuse.addresses.trustedProxies = Self.ranges("10.0.0.0/8")
        }
        func request(_ address: String) -> String {
            AsyncGateway.request(fields: "X-Forwarded-For: 6.6.6.6, \(address)\r\n")
        }
        for (peer, address, status) in [
            ("10.0.0.1", "192.0.2.1", 101), ("10.0.0.1", "192.0.2.2", 101), ("10.0.0.2", "192.0.2.1", 429),
            ("192.0.2.3", "192.0.2.4", 101), ("192.0.2.3", "192.0.2.5", 429),
        ] {
            #expect(try await open(gateway, from: peer, request(address)).answer.hasPrefix("HTTP/1.1 \(status)"))
        }
        #expect(seen.withLock { $0 } == ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
    }

    @Test(
        "a trusted proxy's PROXY header says whose a connection is; without one the proxy's is closed, others need none"
    )
    func proxyProtocol() async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn]) {
            $0.abuse.addresses.connectionsPerAddress = 1
            $0.abuse.addresses.trustedProxies = Self.ranges("10.0.0.1")
            $0.abuse.proxyProtocol = true
        }
        func request(_ address: String) -> String {
            "PROXY TCP4 \(address) 10.0.0.1 4711 6001\r\n" + AsyncGateway.request
        }
        for (address, status) in [("192.0.2.1", 101), ("192.0.2.2", 101), ("192.0.2.1", 429)] {
            #expect(try await open(gateway, from: "10.0.0.1", request(address)).answer.hasPrefix("HTTP/1.1 \(status)"))
        }
        #expect(try await open(gateway, from: "192.0.2.9").answer.hasPrefix("HTTP/1.1 101"))
        #expect(try await open(gateway, from: "192.0.2.8", request("192.0.2.7")).answer.hasPrefix("HTTP/1.1 400"))
        let headless = try await gateway.accept(from: "10.0.0.1")
        try await headless.send(AsyncGateway.request)
        #expect(!headless.isActive)
    }

    // MARK: Terminals

    @Test(
        "a terminal that sends more messages than it may is closed with 4002; pings count as well",
        arguments: [F.text, F.ping])
    func messagesPerSecond(opcode: UInt8) throws {
        let gateway = try EmbeddedGateway { $0.abuse.messagesPerSecond = 2 }
        let terminal = try gateway.connect()
        for _ in 0..<20 { try terminal.send(F.make(opcode, "x")) }
        #expect(try terminal.received().count == 20)
        try terminal.send(F.make(opcode, "x"))
        #expect(try terminal.received().last?.closeCode == .rateLimited)
    }

    @Test("what a terminal may send comes back with time")
    func allowance() throws {
        let gateway = try EmbeddedGateway { $0.abuse.messagesPerSecond = 2 }
        let terminal = try gateway.connect()
        for _ in 0..<20 { try terminal.send(F.make(F.text, "x")) }
        gateway.tick(4)
        for _ in 0..<2 { try terminal.send(F.make(F.text, "x")) }
        #expect(try terminal.received().allSatisfy { $0 == .text("x") })
        try terminal.send(F.make(F.text, "x"))
        #expect(try terminal.received().last?.closeCode == .rateLimited)
    }

    @Test("a terminal that sends more bytes than it may is closed with 4002, and its close frame still read")
    func bytesPerSecond() throws {
        let gateway = try EmbeddedGateway { $0.abuse.bytesPerSecond = ByteCount(100) }
        let terminal = try gateway.connect()
        try terminal.send(F.make(F.text, String(repeating: "x", count: 900)))
        #expect(try terminal.received().count == 1)
        let frame = F.make(F.text, String(repeating: "x", count: 200))
        try terminal.send(Array(frame.prefix(150)))
        #expect(try terminal.received().last?.closeCode == .rateLimited)
        try terminal.send(Array(frame.dropFirst(150)) + F.close(4002))
        gateway.loop.run()
        #expect(!terminal.channel.isActive)
    }

    @Test(
        "a message that takes longer than it may from its first byte to its last is closed with 1008, whatever comes between"
    )
    func messageTimeout() throws {
        let gateway = try EmbeddedGateway {
            $0.abuse.messageTimeout = .seconds(5)
            $0.pingInterval = .seconds(60)
        }
        let terminal = try gateway.connect()
        let frame = F.make(F.text, String(repeating: "x", count: 100))
        for piece in [frame.prefix(50), frame.dropFirst(50)] {
            try terminal.send(Array(piece))
            gateway.tick(19)
        }
        #expect(try terminal.received().count == 1)
        try terminal.send(F.make(F.text, "part", isFinal: false))
        gateway.tick(10)
        try terminal.send(F.make(F.ping, "") + F.make(F.continuation, "part", isFinal: false))
        gateway.tick(9)
        #expect(try terminal.received().map(\.closeCode) == [nil])
        gateway.tick(1)
        #expect(try terminal.received().last?.closeCode == .policyViolation)
    }

    @Test("a message that begins behind another one has its own time")
    func messagesInTurn() throws {
        let gateway = try EmbeddedGateway {
            $0.abuse.messageTimeout = .seconds(5)
            $0.pingInterval = .seconds(60)
        }
        let terminal = try gateway.connect()
        let frame = F.make(F.text, String(repeating: "x", count: 100))
        try terminal.send(Array(frame.prefix(50)))
        for _ in 0..<5 {
            gateway.tick(15)
            try terminal.send(Array(frame.dropFirst(50) + frame.prefix(50)))
        }
        #expect(try terminal.received().count == 5)
        gateway.tick(20)
        #expect(try terminal.received().last?.closeCode == .policyViolation)
    }
}
