import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Connection handler")
struct ConnectionHandlerTests {
    /// Made by each test: an embedded loop belongs to the thread that made it.
    private static func makeGateway(inbound: WebSocketConfiguration.Inbound = .echo) throws -> EmbeddedGateway {
        try EmbeddedGateway {
            $0.inbound = inbound
            $0.pingInterval = .seconds(10)
            $0.pongTimeout = .seconds(5)
            $0.closeTimeout = .seconds(2)
            $0.abuse.messageTimeout = .seconds(600)
        }
    }

    // MARK: Life

    @Test("a connection is in its shard from opening to its end, and in the census")
    func life() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        #expect(gateway.shard.connectionCount == 1)
        #expect(gateway.shard.clientCount == 1)
        try terminal.channel.close().wait()
        gateway.loop.run()
        #expect(gateway.shard.connectionCount == 0)
        #expect(gateway.shard.socketCount == 0)
        #expect(gateway.context.census.count == 0)
    }

    @Test("an error of the channel ends the connection")
    func channelError() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        terminal.channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        gateway.loop.run()
        #expect(!terminal.channel.isActive)
        #expect(gateway.context.census.count == 0)
    }

    // MARK: Until presence knows it

    @Test("nothing leaves before presence knows the connection; then everything does, in order")
    func unanswered() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.handshake()
        try terminal.send(F.make(F.text, "one"))
        terminal.handler.write(Frame.make(.text, ByteBuffer(string: "two"), allocator: ByteBufferAllocator()))
        terminal.handler.flush()
        gateway.tick(gateway.context.presenceTicks - 1)
        #expect(try terminal.received() == [])
        gateway.shard.answer([SocketID(index: 0, generation: 0)])
        #expect(try terminal.received() == [.text("one"), .text("two")])
        gateway.tick(gateway.context.presenceTicks)
        #expect(terminal.channel.isActive)
        try terminal.send(F.make(F.text, "three"))
        #expect(try terminal.received() == [.text("three")])
    }

    @Test("a connection that presence does not take in time is let in all the same, and pinged as others")
    func presenceTimeout() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.handshake()
        try terminal.send(F.make(F.text, "one"))
        gateway.tick(gateway.context.presenceTicks)
        #expect(try terminal.received() == [.text("one")])
        var ticks: Tick = 0
        while try terminal.received() != [.ping], ticks < gateway.context.pingTicks * 2 {
            gateway.tick(1)
            ticks += 1
        }
        #expect(ticks <= gateway.context.pingTicks * 3 / 2)
    }

    @Test("a connection that is closed before presence knows it gets its answer and the close frame")
    func closedUnanswered() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.handshake()
        terminal.handler.close(.forcedOffline, reason: "x")
        #expect(try terminal.received().map(\.closeCode) == [.forcedOffline])
        terminal.handler.answer()
        gateway.tick(gateway.context.closeTicks)
        #expect(!terminal.channel.isActive)
    }

    // MARK: From the terminal

    @Test("messages come back as they were where they are echoed, flushed at the end of the read")
    func echo() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        try terminal.send(
            F.make(F.text, "one") + F.make(F.ping, "two") + F.make(F.binary, [0xFF]) + F.make(F.pong, "x"))
        #expect(
            try terminal.received() == [.text("one"), .pong("two"), ServerFrame(opcode: .binary, payload: [0xFF])])
    }

    @Test("messages are dropped where they are discarded, and pings answered")
    func discard() throws {
        let gateway = try Self.makeGateway(inbound: .discard)
        let terminal = try gateway.connect()
        try terminal.send(F.make(F.text, "one") + F.make(F.ping, "two"))
        #expect(try terminal.received() == [.pong("two")])
    }

    @Test("a close frame is answered with its code, and ends the connection")
    func closedByTerminal() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        try terminal.send(F.close(4711) + F.make(F.ping))
        #expect(try terminal.received().map(\.closeCode) == [CloseCode(rawValue: 4711)])
        #expect(!terminal.channel.isActive)
    }

    @Test("an empty close frame is answered with an empty one")
    func emptyClose() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        try terminal.send(F.make(F.close))
        #expect(try terminal.received() == [ServerFrame(opcode: .close, payload: [])])
        #expect(!terminal.channel.isActive)
    }

    @Test("what breaks a rule is answered behind what came before, and ends the connection")
    func violation() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        try terminal.send(F.make(F.text, "fine") + F.make(F.text, [0xFF]) + F.make(F.text, "late"))
        let frames = try terminal.received()
        #expect(frames.first == .text("fine"))
        #expect(frames.dropFirst().map(\.closeCode) == [.invalidData])
        #expect(!terminal.channel.isActive)
    }

    // MARK: To the terminal

    @Test("what is written waits for the flush")
    func writes() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        terminal.handler.write(Frame.make(.text, ByteBuffer(string: "x"), allocator: ByteBufferAllocator()))
        #expect(try terminal.received() == [])
        terminal.handler.flush()
        #expect(try terminal.received() == [.text("x")])
    }

    @Test("behind a close frame nothing is written, and promises fail")
    func writesAfterClose() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        terminal.handler.close(.forcedOffline, reason: "bye")
        terminal.handler.close(.goingAway, reason: "again")
        let frame = Frame.make(.text, ByteBuffer(string: "x"), allocator: ByteBufferAllocator())
        terminal.handler.write(frame)
        let promise = gateway.loop.makePromise(of: Void.self)
        terminal.handler.write(frame, promise: promise)
        terminal.handler.flush()
        #expect(throws: ChannelError.self) { try promise.futureResult.wait() }
        #expect(try terminal.received().map(\.closeCode) == [.forcedOffline])
    }

    @Test("the promise of a write succeeds with the flush, and fails where the channel is gone")
    func promises() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        let frame = Frame.make(.text, ByteBuffer(string: "x"), allocator: ByteBufferAllocator())
        let written = gateway.loop.makePromise(of: Void.self)
        terminal.handler.write(frame, promise: written)
        terminal.handler.flush()
        try written.futureResult.wait()
        try terminal.channel.close().wait()
        gateway.loop.run()
        let late = gateway.loop.makePromise(of: Void.self)
        terminal.handler.write(frame, promise: late)
        #expect(throws: ChannelError.self) { try late.futureResult.wait() }
    }

    // MARK: Closing

    @Test("the connection ends when the terminal answers our close frame")
    func closeAnswered() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        terminal.handler.goAway()
        #expect(try terminal.received().map(\.closeCode) == [.goingAway])
        #expect(terminal.channel.isActive)
        try terminal.send(F.make(F.text, "dropped") + F.close(1001))
        #expect(try terminal.received() == [])
        #expect(!terminal.channel.isActive)
    }

    @Test("the connection is cut when the terminal does not answer our close frame in time")
    func closeDeadline() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        terminal.handler.goAway()
        gateway.tick(gateway.context.closeTicks - 1)
        #expect(terminal.channel.isActive)
        gateway.tick(1)
        #expect(!terminal.channel.isActive)
        #expect(gateway.shard.socketCount == 0)
    }

    @Test("a rule broken behind our close frame brings no second one")
    func violationAfterClose() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        terminal.handler.goAway()
        try terminal.send(F.make(0x3))
        #expect(try terminal.received().map(\.closeCode) == [.goingAway])
        #expect(!terminal.channel.isActive)
    }

    // MARK: Heartbeat

    @Test("a silent terminal is pinged within the interval, and cut when it stays silent")
    func heartbeat() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        var ticks: Tick = 0
        while try terminal.received() != [.ping], ticks < gateway.context.pingTicks * 2 {
            gateway.tick(1)
            ticks += 1
        }
        #expect(ticks >= gateway.context.pingTicks / 2 && ticks <= gateway.context.pingTicks)
        gateway.tick(gateway.context.pongTicks - 1)
        #expect(try terminal.received() == [])
        gateway.tick(1)
        #expect(try terminal.received().map(\.closeCode) == [.heartbeatTimeout])
        gateway.tick(gateway.context.closeTicks)
        #expect(!terminal.channel.isActive)
    }

    @Test("terminals that came together are pinged spread over half an interval, and go on so")
    func spread() throws {
        let gateway = try Self.makeGateway(inbound: .discard)
        let terminals = try (1...200).map { try gateway.connect(ClientID($0)) }
        for interval in 0..<4 {
            var pinged: [Tick: Int] = [:]
            for tick in 0..<gateway.context.pingTicks {
                gateway.tick(1)
                for terminal in terminals where try terminal.received() == [.ping] {
                    pinged[tick, default: 0] += 1
                    try terminal.send(F.make(F.pong))
                }
            }
            #expect(pinged.values.reduce(0, +) == 200, "interval \(interval)")
            #expect(pinged.count >= Int(gateway.context.pingTicks) / 3, "\(pinged)")
        }
    }

    @Test("a terminal is pinged once per interval also where it may take longer to answer")
    func longPatience() throws {
        let gateway = try EmbeddedGateway {
            $0.pingInterval = .seconds(2)
            $0.pongTimeout = .seconds(10)
        }
        let terminal = try gateway.connect()
        var pings = 0
        for _ in 0..<gateway.context.pingTicks * 10 {
            gateway.tick(1)
            guard try terminal.received() == [.ping] else { continue }
            pings += 1
            try terminal.send(F.make(F.pong))
        }
        #expect((9...10).contains(pings), "\(pings)")
        var ticks: Tick = 0
        while terminal.channel.isActive, ticks < 200 {
            gateway.tick(1)
            ticks += 1
            if try terminal.received().contains(where: { $0.closeCode == .heartbeatTimeout }) { break }
        }
        #expect((gateway.context.pongTicks...gateway.context.pongTicks + gateway.context.pingTicks).contains(ticks))
    }

    @Test("any sign of life keeps a terminal", arguments: [F.make(F.pong), F.make(F.text, "x"), [0x81]] as [[UInt8]])
    func alive(_ sign: [UInt8]) throws {
        let gateway = try Self.makeGateway(inbound: .discard)
        let terminal = try gateway.connect()
        var pings = 0
        for _ in 0..<gateway.context.pingTicks * 6 {
            gateway.tick(1)
            let frames = try terminal.received()
            #expect(frames == [] || frames == [.ping])
            if frames == [.ping] {
                pings += 1
                // Where the sign is no whole frame it is the next byte of one.
                try terminal.send(
                    sign.count > 1 ? sign : [F.make(F.text, Array(repeating: 0x61, count: 300))[pings - 1]])
            }
        }
        #expect(pings >= 4)
        #expect(terminal.channel.isActive)
    }

    @Test("a terminal that talks is not pinged")
    func talkative() throws {
        let gateway = try Self.makeGateway()
        let terminal = try gateway.connect()
        for _ in 0..<10 {
            gateway.tick(gateway.context.pingTicks / 2)
            try terminal.send(F.make(F.text, "x"))
            #expect(try terminal.received() == [.text("x")])
        }
    }
}
