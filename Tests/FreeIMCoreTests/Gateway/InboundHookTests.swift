import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Hooks of terminals' messages")
struct InboundHookTests {
    /// Answers as told, one message after the other where it is held.
    private final class Hook: MessageHook {
        struct State {
            var received: [String] = []
            var most = 0
            var current = 0
        }

        let state = Mutex(State())
        let hold: Gate?
        let answer: @Sendable (String) throws -> InboundVerdict

        init(hold: Gate? = nil, _ answer: @escaping @Sendable (String) throws -> InboundVerdict = { _ in .handled }) {
            self.hold = hold
            self.answer = answer
        }

        var takesInbound: Bool { true }
        var received: [String] { state.withLock { $0.received } }

        func receive(_ message: InboundMessage, messenger: Messenger) async throws -> InboundVerdict {
            let text =
                switch message.content {
                case .text(let bytes): "\(message.sender.client):\(String(buffer: bytes))"
                case .binary(let bytes): "\(message.sender.client)#\(bytes.readableBytes)"
                }
            state.withLock { $0.received.append(text) }
            try await hold?.wait()
            return try answer(text)
        }
    }

    /// A connection of client 7 on a gateway whose hooks run meanwhile.
    private func withConnection(
        _ hooks: [any MessageHook], _ body: (AsyncGateway, NIOAsyncTestingChannel) async throws -> Void
    ) async throws {
        let gateway = try AsyncGateway(auth: [ScriptedAuth.letsIn], hooks: hooks) { $0.abuse.messagesPerSecond = 0 }
        let pool = try #require(gateway.context.node.inbound)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pool.run() }
            let channel = try await gateway.accept()
            try await channel.send(AsyncGateway.request)
            _ = try await channel.receive(until: "\r\n\r\n")
            try await body(gateway, channel)
            pool.finish()
            try await group.waitForAll()
        }
    }

    private func isReading(_ channel: NIOAsyncTestingChannel) async throws -> Bool {
        try await channel.testingEventLoop.executeInContext {
            channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }?.value as? Bool ?? true
        }
    }

    @Test("a hook gets the sender and the content, in order")
    func content() async throws {
        let hook = Hook()
        try await withConnection([hook]) { _, channel in
            try await channel.send(F.make(F.text, "one") + F.make(F.binary, [1, 2]) + F.make(F.text, "three"))
            try await eventually { hook.received.count == 3 }
            #expect(hook.received == ["7:one", "7#2", "7:three"])
        }
    }

    @Test("hooks are asked in order until one deals with the message")
    func order() async throws {
        let first = Hook { $0 == "7:mine" ? .handled : .next }
        let second = Hook()
        try await withConnection([first, second]) { _, channel in
            try await channel.send(F.make(F.text, "mine") + F.make(F.text, "yours"))
            try await eventually { second.received.count == 1 }
            #expect(first.received == ["7:mine", "7:yours"])
            #expect(second.received == ["7:yours"])
        }
    }

    @Test("a reply goes to the same connection")
    func reply() async throws {
        try await withConnection([Hook { .reply("got \($0)") }]) { _, channel in
            try await channel.send(F.make(F.text, "one") + F.make(F.text, "two"))
            var frames: [ServerFrame] = []
            try await eventually {
                frames += try await channel.received()
                return frames.count >= 2
            }
            #expect(frames == [.text("got 7:one"), .text("got 7:two")])
        }
    }

    @Test("a hook may close the connection")
    func close() async throws {
        try await withConnection([Hook { _ in .close(.policyViolation, reason: "no") }]) { _, channel in
            try await channel.send(F.make(F.text, "one"))
            var frames: [ServerFrame] = []
            try await eventually {
                frames += try await channel.received()
                return !frames.isEmpty
            }
            #expect(frames.map(\.closeCode) == [.policyViolation])
        }
    }

    @Test("a hook that throws is survived")
    func throwing() async throws {
        struct Failure: Error {}
        let hook = Hook { if $0 == "7:bad" { throw Failure() } else { .reply("fine") } }
        try await withConnection([hook]) { _, channel in
            try await channel.send(F.make(F.text, "bad") + F.make(F.text, "good"))
            try await eventually { try await channel.received() == [.text("fine")] }
        }
    }

    @Test("a terminal is not read while four of its messages wait, and read again when they do not")
    func backPressure() async throws {
        let gate = Gate()
        let hook = Hook(hold: gate)
        try await withConnection([hook]) { _, channel in
            for number in 1...3 { try await channel.send(F.make(F.text, "\(number)")) }
            #expect(try await isReading(channel))
            try await channel.send(F.make(F.text, "4"))
            #expect(try await !isReading(channel))
            gate.open()
            try await eventually { hook.received.count == 4 }
            try await eventually { try await isReading(channel) }
        }
    }

    @Test("a terminal that sent thousands of messages at once keeps its connection, and loses none")
    func manyAtOnce() async throws {
        let gate = Gate()
        let hook = Hook(hold: gate)
        try await withConnection([hook]) { gateway, channel in
            let bytes = (0..<3_000).flatMap { F.make(F.text, "\($0)") }
            try await channel.send(Array(bytes[..<10_000]))
            try await channel.send(Array(bytes[10_000...]))
            gate.open()
            try await eventually { hook.received.count == 3_000 }
            #expect(hook.received == (0..<3_000).map { "7:\($0)" })
            #expect(channel.isActive)
            #expect(try await channel.received() == [])
        }
    }

    @Test("a terminal that is not read is not cut for its silence")
    func pausedIsNotSilent() async throws {
        let gate = Gate()
        let hook = Hook(hold: gate)
        try await withConnection([hook]) { gateway, channel in
            for number in 1...6 { try await channel.send(F.make(F.text, "\(number)")) }
            for _ in 0..<3 { try await gateway.tick(gateway.context.pingTicks + gateway.context.pongTicks) }
            #expect(try await channel.received().allSatisfy { $0 == .ping })
            #expect(channel.isActive)
            gate.open()
            try await eventually { hook.received.count == 6 }
        }
    }

    @Test("a close frame that waits behind messages for the hooks is answered in the end")
    func closeBehindMessages() async throws {
        let gate = Gate()
        let hook = Hook(hold: gate)
        try await withConnection([hook]) { _, channel in
            try await channel.send((1...6).flatMap { F.make(F.text, "\($0)") } + F.close(1000))
            #expect(channel.isActive)
            gate.open()
            var frames: [ServerFrame] = []
            try await eventually {
                frames += try await channel.received()
                return !frames.isEmpty
            }
            #expect(frames.map(\.closeCode) == [.normal])
            try await eventually { hook.received.count == 6 }
        }
    }

    @Test("a connection that we close while it is not read is read again for the terminal's close frame")
    func closingResumes() async throws {
        let gate = Gate()
        try await withConnection([Hook(hold: gate)]) { gateway, channel in
            try await channel.send((1...9).flatMap { F.make(F.text, "\($0)") })
            #expect(try await !isReading(channel))
            try await gateway.loop.executeInContext { gateway.shard.shard.goAwayAll() }
            #expect(try await isReading(channel))
            try await channel.send(F.close(1001))
            try await eventually { !channel.isActive }
            gate.open()
        }
    }

    @Test("a full queue of the hooks closes the connection, which may come again")
    func fullQueue() async throws {
        let gate = Gate()
        let hook = Hook(hold: gate)
        var configuration = try makeNode(on: NIOAsyncTestingEventLoop(), auth: [], hooks: [hook]).configuration
        configuration.inboundQueue = 2
        configuration.inboundWorkers = 1
        let node = try Node(configuration)
        let pool = try #require(node.inbound)
        let message = InboundMessage(sender: Identity(client: 7), content: .text(ByteBuffer()))
        let offers = (0..<4).map { _ in
            pool.offer(
                InboundPool.Job(message: message) { _ in }, from: SocketID(index: 0, generation: 0), shard: 0)
        }
        #expect(offers == [true, true, false, false])
    }
}
