import FreeIMTestSupport
import NIOCore
import Synchronization
import Testing

@testable import FreeIMCore

@Suite("Router: who gets what")
struct RouterTests {
    @Test("a message for a client goes to the shards that hold it")
    func direct() throws {
        let world = RouterWorld()
        world.open(7, in: 0)
        world.open(7, in: 1)
        world.open(8, in: 1)
        world.receive(.direct("both", to: [7]), .direct("one", to: [8]))
        #expect(try world.take() == [["7: both"], ["7: both", "8: one"]])
    }

    @Test("a message for several clients is grouped by shard, in their order")
    func several() throws {
        let world = RouterWorld()
        for client in 1...4 as ClosedRange<Int64> { world.open(ClientID(client), in: Int(client) % 2) }
        world.receive(.direct("hi", to: [4, 1, 9, 2, 3]))
        #expect(try world.take() == [["4+2: hi"], ["1+3: hi"]])
        #expect(world.count("receivers_offline") == 1)
    }

    @Test("a message without receivers, or whose receivers are all offline, goes nowhere")
    func nobody() throws {
        let world = RouterWorld()
        world.receive(.direct("hi", to: []), .direct("hi", to: [7]), .direct("hi", to: [7, 8]))
        #expect(try world.take() == [[], []])
        #expect(world.count("receivers_offline") == 3)
    }

    @Test("a client that has gone gets nothing")
    func gone() throws {
        let world = RouterWorld()
        world.open(7, in: 0)
        world.open(7, in: 1)
        world.close(7, in: 0)
        world.receive(.direct("hi", to: [7]))
        #expect(try world.take() == [[], ["7: hi"]])
        world.close(7, in: 1)
        world.receive(.direct("hi", to: [7]))
        #expect(try world.take() == [[], []])
    }

    @Test("messages of channels and broadcasts go to all shards")
    func everywhere() throws {
        let world = RouterWorld()
        world.receive(.channel("1"), .channel("2"), .broadcast("3"))
        #expect(try world.take() == [["#x: 1, 2", "*: 3"], ["#x: 1, 2", "*: 3"]])
    }

    @Test("the shard on the bus loop comes last, since its work is done then and there")
    func order() {
        let world = RouterWorld()
        world.receive(.broadcast("1"))
        world.receive(.broadcast("2"))
        #expect(world.order == [1, 0, 1, 0])
    }

    // MARK: FreeIM's echo rule

    @Test("a sender with one connection does not get its own message")
    func noEcho() throws {
        let world = RouterWorld()
        world.open(7)
        world.open(8)
        world.receive(
            .direct("own", from: 7, to: [7]), .direct("both", from: 7, to: [7, 8]), .channel("c", from: 7),
            .broadcast("b", from: 7))
        #expect(try world.take()[0] == ["8: both", "#x: c not 7", "*: b not 7"])
    }

    @Test("a sender with several connections gets its own message on all, in whatever shards they are")
    func echo() throws {
        for second in [0, 1] {
            let world = RouterWorld()
            world.open(7, in: 0)
            world.open(7, in: second)
            world.receive(.direct("own", from: 7, to: [7]), .channel("c", from: 7), .broadcast("b", from: 7))
            #expect(try world.take()[0] == ["7: own", "#x: c", "*: b"])
            world.close(7, in: second, remains: second == 0)
            world.receive(.direct("own", from: 7, to: [7]), .channel("c", from: 7))
            #expect(try world.take()[0] == ["#x: c not 7"])
        }
    }

    @Test("the system's messages, and those of clients elsewhere, leave nobody out")
    func foreignSenders() throws {
        let world = RouterWorld()
        world.open(7)
        world.receive(.channel("1"), .channel("2", from: 9), .direct("3", from: 9, to: [7]))
        #expect(try world.take()[0] == ["#x: 1, 2", "7: 3"])
    }

    // MARK: Order

    @Test("join, message, leave and message keep their order on the way to the shards")
    func membershipOrder() throws {
        let world = RouterWorld()
        world.open(7, in: 1)
        world.receive(
            .channel("before"), .membership(.joined, 7), .channel("in"), .channel("too"), .membership(.left, 7),
            .channel("after"))
        #expect(
            try world.take()[1] == ["#x: before", #"joined 7 ["x"]"#, "#x: in, too", #"left 7 ["x"]"#, "#x: after"])
    }

    @Test("a change of membership goes to the shards of its client alone")
    func membershipShards() throws {
        let world = RouterWorld()
        world.open(7, in: 1)
        world.receive(.membership(.present, 7, ["x", "y"]), .membership(.joined, 8))
        #expect(try world.take() == [[], [#"present 7 ["x", "y"]"#]])
    }

    @Test("force offline closes the client's connections behind what was sent before")
    func forceOffline() throws {
        let world = RouterWorld()
        world.open(7, in: 0)
        world.open(7, in: 1)
        world.receive(.direct("last", to: [7]), .forceOffline(7), .forceOffline(9))
        #expect(try world.take() == [["7: last", "close 7 4500"], ["7: last", "close 7 4500"]])
        #expect(world.count("receivers_offline") == 1)
    }

    @Test("shards are told at the end of a burst, and not before")
    func burstEnd() throws {
        let world = RouterWorld()
        world.router.receive(EnvelopeCodec.encode(.broadcast("1")))
        #expect(try world.take() == [[], []])
        world.router.burstEnded()
        #expect(try world.take() == [["*: 1"], ["*: 1"]])
    }

    // MARK: What cannot be used

    @Test("messages of a feature that is not there are counted and dropped")
    func unsupported() throws {
        let nothing = RouterWorld(features: [])
        nothing.open(7)
        nothing.receive(.direct("1", to: [7]), .channel("2"), .broadcast("3"), .direct("4", to: [7], receipt: true))
        #expect(try nothing.take() == [[], []])
        #expect(nothing.count("messages_unsupported") == 4)
        #expect(nothing.count("messages_received") == 4)
        let direct = RouterWorld(features: [DirectMessages()])
        direct.open(7)
        direct.receive(.direct("1", to: [7]), .channel("2"))
        #expect(try direct.take()[0] == ["7: 1"])
        #expect(direct.count("messages_unsupported") == 1)
    }

    @Test("bodies that are not FreeIM's are counted and dropped, and the next is understood")
    func malformed() throws {
        let world = RouterWorld()
        for text in ["", "{", "rubbish", "__FreeIM__(Nonsense)1", "{\"Item2\":[\"\"]}", "\u{FFFD}"] {
            world.receive(text: text)
        }
        world.receive(.broadcast("fine"))
        #expect(try world.take()[0] == ["*: fine"])
        #expect(world.count("messages_malformed") > 0)
        #expect(world.count("messages_received") == 7)
    }

    // MARK: Hooks

    private struct Hook: MessageHook {
        let body: @Sendable (inout OutboundMessage) -> OutboundVerdict

        func willDeliver(_ message: inout OutboundMessage) -> OutboundVerdict { body(&message) }
    }

    @Test("hooks see sender and audience, and change the text, one after the other")
    func hooks() throws {
        let seen = Mutex<[String]>([])
        let world = RouterWorld(hooks: [
            Hook { message in
                seen.withLock { $0.append("\(message.sender.map(\.description) ?? "-") \(message.audience)") }
                message.payload.writeString("+1")
                return .deliver
            },
            Hook { message in
                message.payload.writeString("+2")
                return .deliver
            },
        ])
        world.open(7)
        world.receive(.direct("d", from: 9, to: [7]), .channel("c"), .broadcast("b", from: 7))
        #expect(try world.take()[0] == ["7: d+1+2", "#x: c+1+2", "*: b+1+2 not 7"])
        #expect(seen.withLock { $0.count } == 3)
        #expect(
            seen.withLock { $0[0].hasPrefix("9 clients(") && $0[1].hasPrefix("- channel(") && $0[2] == "7 everyone" })
    }

    @Test("a message that a hook stops is counted, and later hooks and receivers do not see it")
    func stopping() throws {
        let later = Mutex(0)
        let world = RouterWorld(hooks: [
            Hook { String(buffer: $0.payload).hasPrefix("bad") ? .stop : .deliver },
            Hook { _ in
                later.withLock { $0 += 1 }
                return .deliver
            },
        ])
        world.open(7)
        world.receive(
            .direct("bad", to: [7]), .direct("good", to: [7]), .channel("bad"), .broadcast("bad"),
            .direct("bad", to: [7, 8]))
        #expect(try world.take()[0] == ["7: good"])
        #expect(world.count("messages_stopped") == 4)
        #expect(later.withLock { $0 } == 1)
    }
}
