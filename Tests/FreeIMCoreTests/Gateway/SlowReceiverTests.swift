import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

/// The connection of a terminal that reads too slowly: its channel is not writable.
@Suite("Slow receivers")
struct SlowReceiverTests {
    private static let cost = Outbox.overhead + 3

    private func gateway(_ policy: SlowReceiverPolicy = .close, messages: Int = 3) throws -> EmbeddedGateway {
        try EmbeddedGateway {
            $0.slowReceivers = policy
            $0.maxPending = ByteCount(messages * Self.cost)
            $0.maxPendingAge = .seconds(3)
            $0.pingInterval = .seconds(10)
            $0.pongTimeout = .seconds(5)
            $0.closeTimeout = .seconds(2)
        }
    }

    private func send(_ texts: String, to terminal: Terminal) {
        for text in texts {
            terminal.handler.write(
                Frame.make(.text, ByteBuffer(string: String(text)), allocator: ByteBufferAllocator()))
        }
        terminal.handler.flush()
    }

    /// From the next write on the kernel takes nothing.
    private func block(_ terminal: Terminal) throws {
        terminal.channel.isWritable = false
        send("0", to: terminal)
        #expect(try terminal.received() == [.text("0")])
    }

    private func goOn(_ terminal: Terminal) {
        terminal.channel.isWritable = true
        terminal.channel.pipeline.fireChannelWritabilityChanged()
    }

    @Test("what waits leaves in order when there is room, and the connection is as before")
    func recovers() throws {
        let gateway = try gateway()
        let terminal = try gateway.connect()
        try block(terminal)
        send("ab", to: terminal)
        #expect(try terminal.received() == [])
        let report = gateway.shard.slowReceivers(limit: 10)
        #expect(report.count == 1)
        #expect(report.receivers.map(\.waitingBytes) == [2 * Self.cost])
        goOn(terminal)
        #expect(try terminal.received() == [.text("a"), .text("b")])
        #expect(gateway.shard.slowReceivers(limit: 10) == SlowReceiverReport())
        send("c", to: terminal)
        #expect(try terminal.received() == [.text("c")])
    }

    @Test("closed at the end of the burst that is too much, without what waited; cut where it does not answer")
    func closes() throws {
        let gateway = try gateway()
        let terminal = try gateway.connect()
        try block(terminal)
        send("abc", to: terminal)
        #expect(try terminal.received() == [])
        send("de", to: terminal)
        #expect(try terminal.received().map(\.closeCode) == [.slowReceiver])
        #expect(gateway.shard.slowReceivers(limit: 10).dropped == 5)
        send("f", to: terminal)
        goOn(terminal)
        #expect(try terminal.received() == [])
        gateway.tick(gateway.context.closeTicks)
        #expect(!terminal.channel.isActive)
        #expect(gateway.shard.slowReceivers(limit: 10).count == 0)
    }

    @Test("closed when the oldest byte has waited too long; each byte that leaves begins anew")
    func age() throws {
        let gateway = try gateway()
        let terminal = try gateway.connect()
        try block(terminal)
        gateway.tick(gateway.context.outboxLimits.age - 1)
        #expect(try terminal.received() == [])
        goOn(terminal)
        try block(terminal)
        gateway.tick(gateway.context.outboxLimits.age - 1)
        #expect(try terminal.received() == [])
        gateway.tick(1)
        #expect(try terminal.received().map(\.closeCode) == [.slowReceiver])
    }

    @Test("drop policies keep the connection, and tell what was dropped, also when it has caught up")
    func drops() throws {
        for (policy, left) in [(SlowReceiverPolicy.dropOldest, "cde"), (.dropNewest, "abc")] {
            let gateway = try gateway(policy)
            let terminal = try gateway.connect()
            try block(terminal)
            send("abcde", to: terminal)
            gateway.tick(1)
            goOn(terminal)
            #expect(try terminal.received() == left.map { .text(String($0)) })
            let report = gateway.shard.slowReceivers(limit: 10)
            #expect(report.receivers == [SlowReceiver(client: 7, waitingBytes: 0, waiting: .zero, dropped: 2)])
            #expect(report.dropped == 2)
            try terminal.channel.close().wait()
            gateway.loop.run()
            #expect(gateway.shard.slowReceivers(limit: 10) == SlowReceiverReport(dropped: 2))
        }
    }

    @Test("the shard tells which channel a message is of")
    func latest() throws {
        let gateway = try gateway(.latestPerChannel, messages: 5)
        let terminal = try gateway.connect()
        let channels = ["one", "two"].compactMap { ChannelName($0) }
        _ = gateway.shard.carryOut([.apply(MembershipChange(.joined, client: 7, channels: channels))])
        try block(terminal)
        for text in ["1", "2", "3"] {
            let frames = Frame.make(.text, ByteBuffer(string: text), allocator: ByteBufferAllocator())
            _ = gateway.shard.carryOut(channels.map { .deliver(Delivery(audience: .channel($0), frames: frames)) })
        }
        let direct = Frame.make(.text, ByteBuffer(string: "direct"), allocator: ByteBufferAllocator())
        _ = gateway.shard.carryOut([.deliver(Delivery(audience: .client(7), frames: direct))])
        goOn(terminal)
        #expect(try terminal.received() == [.text("3"), .text("3"), .text("direct")])
    }

    @Test("a connection that is closed for another reason gets what waits before the close frame")
    func closedOtherwise() throws {
        let gateway = try gateway()
        let terminal = try gateway.connect()
        try block(terminal)
        send("ab", to: terminal)
        terminal.handler.close(.forcedOffline, reason: "")
        let frames = try terminal.received()
        #expect(frames.dropLast() == [.text("a"), .text("b")])
        #expect(frames.last?.closeCode == .forcedOffline)
    }

    @Test("so does one that its terminal closes")
    func closedByTerminal() throws {
        let gateway = try gateway()
        let terminal = try gateway.connect()
        try block(terminal)
        send("ab", to: terminal)
        try terminal.send(ClientFrame.close(1000))
        let frames = try terminal.received()
        #expect(frames.dropLast() == [.text("a"), .text("b")])
        #expect(frames.last?.closeCode == .normal)
    }

    @Test("that the kernel takes something is a sign of life")
    func signOfLife() throws {
        let gateway = try gateway(.dropOldest)
        let terminal = try gateway.connect()
        for _ in 0..<20 {
            try block(terminal)
            gateway.tick(gateway.context.pingTicks - 1)
            goOn(terminal)
            #expect(try terminal.received().allSatisfy { $0.closeCode == nil })
        }
    }

    @Test("a terminal that never reads is closed by its heartbeat, whatever may be dropped")
    func neverReads() throws {
        let gateway = try gateway(.dropOldest)
        let terminal = try gateway.connect()
        try block(terminal)
        gateway.tick(gateway.context.pingTicks + gateway.context.pongTicks + 1)
        goOn(terminal)
        #expect(try terminal.received().compactMap(\.closeCode) == [.heartbeatTimeout])
    }
}
