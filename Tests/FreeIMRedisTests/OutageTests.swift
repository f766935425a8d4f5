import FreeIMCore
import FreeIMTestSupport
import Foundation
import NIOCore
import RedisTestSupport
import Testing

@testable import FreeIMRedis

@Suite("While Redis is away")
struct OutageTests {
    /// As a node looks at it: its own inbox, and one of somebody else.
    private func withLostBus(
        node: NodeIdentity? = Bus.node, maxPending: Int = 1_000, commandTimeout: Duration = .seconds(1),
        _ body: (Bus, RedisServer, RecordingInbox) async throws -> Void
    ) async throws {
        try await withServer { server in
            try await withBus(server, node: node) {
                $0.options.commandTimeout = commandTimeout
                $0.maxPending = maxPending
            } body: { bus in
                let inbox = try await bus.subscribed(to: Bus.own, "news")
                server.kill9()
                try await bus.waitForLoss()
                try await body(bus, server, inbox)
            }
        }
    }

    @Test("messages for this node reach its inboxes, on their loops, in order")
    func direct() async throws {
        let foreign = MultiThreadedLoop()
        try await withServer { server in
            try await withBus(server) { bus in
                let here = try await bus.subscribed(to: Bus.own)
                let there = try await bus.subscribed(to: Bus.own, on: foreign.loop)
                server.kill9()
                try await bus.waitForLoss()
                let texts = (0..<100).map(String.init)
                for text in texts { #expect(try await transportError(bus.publish(Bus.own, text)) == nil) }
                for inbox in [here, there] {
                    try await inbox.wait(for: 100)
                    #expect(inbox.texts == texts)
                    #expect(inbox.messages.allSatisfy { $0.subject == Bus.own })
                    #expect(inbox.callsOnWrongLoop == 0 && inbox.openMessages == 0)
                }
                #expect(bus.count("messages_direct") == 200)
            }
        }
        try await foreign.end()
    }

    @Test("this node's own subjects are those of both generations of FreeIM")
    func generations() async throws {
        try await withServer { server in
            try await withBus(server) { bus in
                let inbox = try await bus.subscribed(to: "im_v2_wsServera:1", "wsim_wsServera:1")
                server.kill9()
                try await bus.waitForLoss()
                #expect(try await transportError(bus.publish("wsim_wsServera:1", "v1")) == nil)
                #expect(try await transportError(bus.publish("im_v2_wsServera:1", "v2")) == nil)
                try await inbox.wait(for: 2)
                #expect(inbox.texts == ["v1", "v2"])
            }
        }
    }

    @Test("everything else waits, and fails at its deadline with a remedy")
    func others() async throws {
        try await withLostBus { bus, _, inbox in
            let clock = ContinuousClock()
            let start = clock.now
            for future in [Bus.other, "news", Bus.own + "x"].map({ bus.publish($0, "x") }) {
                let error = try #require(try await transportError(future))
                #expect(error.code == .unavailable)
                #expect(error.message.contains("check that Redis runs"))
            }
            #expect(clock.now - start >= .milliseconds(990))
            #expect(inbox.count == 0)
            #expect(bus.count("publish_failures") == 3)
        }
    }

    @Test("a call with messages of both kinds delivers its own and waits for the others")
    func both() async throws {
        try await withLostBus { bus, _, inbox in
            let future = bus.transport.publish(
                [Bus.own, Bus.other, Bus.own].enumerated().map { number, subject in
                    BusMessage(subject: subject, body: ByteBuffer(integer: UInt8(ascii: "a") + UInt8(number)))
                })
            try await inbox.wait(for: 2)
            #expect(inbox.texts == ["a", "c"])
            #expect(inbox.bursts == [2])
            #expect(try await transportError(future)?.code == .unavailable)
        }
    }

    @Test("a business service has no subject of its own, and sends no canaries")
    func noNode() async throws {
        try await withServer { server in
            let bus = try Bus(server.url, node: nil)
            try await running([bus.transport]) {
                try await bus.transport.ready()
                let inbox = RecordingInbox(on: bus.loop)
                try await bus.transport.subscribe(inbox, to: [Bus.own])
                server.kill9()
                #expect(try await transportError(bus.publish(Bus.own, "x")) != nil)
                #expect(inbox.count == 0)
                #expect(bus.logged.isEmpty)
            }
        }
    }

    @Test("a message for this node waits where nobody here is subscribed")
    func nobodyHere() async throws {
        try await withLostBus { bus, _, inbox async throws in
            await bus.transport.unsubscribe(inbox)
            #expect(try await transportError(bus.publish(Bus.own, "x"))?.code == .unavailable)
            #expect(inbox.count == 0)
        }
    }

    @Test("what an inbox has no room for fails as overloaded, and the rest is delivered")
    func noRoom() async throws {
        try await withLostBus(maxPending: 2) { bus, _, inbox in
            let busy = await BusyLoop(bus.loop)
            let futures = (0..<3).map { bus.publish(Bus.own, "\($0)") }
            busy.goOn()
            #expect(try await transportError(futures[0]) == nil)
            #expect(try await transportError(futures[1]) == nil)
            let error = try await transportError(futures[2])
            #expect(error?.code == .overloaded)
            #expect(error?.message.contains("'max_pending'") == true)
            try await inbox.wait(for: 2)
            #expect(bus.count("messages_dropped") == 1)
            #expect(try await transportError(bus.publish(Bus.own, "3")) == nil)
            try await inbox.wait(for: 3)
            #expect(inbox.texts == ["0", "1", "3"])
        }
    }

    @Test("a restarted Redis is found: what waited is taken, subscriptions stand, everything goes through Redis again")
    func restart() async throws {
        try await withLostBus(commandTimeout: .seconds(20)) { bus, server, inbox in
            let waiting = (0..<10).map { bus.publish(Bus.other, "\($0)") }
            try server.restart()
            for future in waiting { #expect(try await transportError(future, within: .seconds(20)) == nil) }
            try await bus.waitForLog("bus is back")
            try await withBus(server, node: nil) { witness in
                let heard = try await witness.subscribed(to: Bus.own)
                #expect(try await transportError(bus.publish(Bus.own, "again")) == nil)
                try await heard.wait(for: 1)
                try await inbox.wait(for: 1)
                #expect(inbox.texts == ["again"])
                #expect(bus.count("messages_direct") == 0)
            }
            #expect(bus.logged == ["warning: bus lost", "info: bus is back"])
            #expect(bus.metadata("bus lost", "im.reason")?.isEmpty == false)
            #expect(bus.metadata("bus is back", "away")?.contains("seconds") == true)
            #expect(bus.upGauge == 1)
            #expect(bus.count("outages") == 1)
        }
    }

    @Test("a Redis that hangs is noticed by its canaries, and again when it goes on")
    func hangs() async throws {
        try await withServer { server in
            try await withBus(server) {
                $0.canaryTimeout = .seconds(2)
                $0.options.commandTimeout = .seconds(20)
            } body: { bus in
                let inbox = try await bus.subscribed(to: Bus.own)
                server.signal(SIGSTOP)
                try await bus.waitForLog("bus lost")
                #expect(bus.metadata("bus lost", "im.reason")?.contains("no message of its own") == true)
                #expect(bus.upGauge == 0)
                #expect(try await transportError(bus.publish(Bus.own, "direct")) == nil)
                try await inbox.wait(for: 1)
                let early = Task { try await bus.transport.ready() }
                early.cancel()
                await #expect(throws: CancellationError.self) { try await early.value }
                let ready = bus.ready()
                server.signal(SIGCONT)
                try await value(of: ready, within: .seconds(15))
                try await bus.waitForLog("bus is back")
                #expect(try await transportError(bus.publish(Bus.own, "through Redis")) == nil)
                try await inbox.wait(for: 2)
                #expect(inbox.texts == ["direct", "through Redis"])
            }
        }
    }

    @Test("a subscription fails at its deadline, leaves nothing, and can be tried again")
    func subscribing() async throws {
        try await withLostBus { bus, server, _ in
            let late = RecordingInbox(on: bus.loop)
            let error = await #expect(throws: TransportError.self) {
                try await bus.transport.subscribe(late, to: [Bus.own])
            }
            #expect(error?.code == .unavailable)
            #expect(try await transportError(bus.publish(Bus.own, "direct")) == nil)
            try await bus.loop.submit {}.get()
            #expect(late.count == 0)
            try server.restart()
            try await bus.waitForLog("bus is back")
            try await bus.transport.subscribe(late, to: [Bus.own])
            #expect(try await transportError(bus.publish(Bus.own, "again")) == nil)
            try await late.wait(for: 1)
            #expect(late.texts == ["again"])
        }
    }
}
