import FreeIMCore
import FreeIMTestSupport
import NIOCore
import RedisTestSupport
import Testing

@testable import FreeIMRedis

@Suite("The Redis transport")
struct RedisTransportTests {
    @Test("drops and counts what an inbox on another loop has no room for, and goes on when it has")
    func foreignLoop() async throws {
        let foreign = MultiThreadedLoop()
        try await withServer { server in
            try await withBus(server) {
                $0.maxPending = 10
            } body: { bus in
                let here = try await bus.subscribed(to: "news")
                let there = try await bus.subscribed(to: "news", on: foreign.loop)
                let busy = await BusyLoop(foreign.loop)
                for number in 0..<25 { _ = bus.publish("news", "\(number)") }
                try await here.wait(for: 25)
                // Redis' message was offered to both before this runs.
                try await bus.loop.submit {}.get()
                #expect(bus.count("messages_dropped") == 15)
                busy.goOn()
                try await there.wait(for: 10)
                try await bus.publish("news", "last").get()
                try await there.wait(for: 11)
                #expect(there.texts == (0..<10).map(String.init) + ["last"])
                #expect(here.count == 26)
                #expect(there.callsOnWrongLoop == 0)
            }
        }
        try await foreign.end()
    }

    @Test("what waits for an inbox on another loop does not arrive once it has unsubscribed")
    func unsubscribedBacklog() async throws {
        let foreign = MultiThreadedLoop()
        try await withServer { server in
            try await withBus(server) { bus in
                let here = try await bus.subscribed(to: "news")
                let there = try await bus.subscribed(to: "news", on: foreign.loop)
                let busy = await BusyLoop(foreign.loop)
                try await bus.publish("news", "x").get()
                try await here.wait(for: 1)
                try await bus.loop.submit {}.get()
                await bus.transport.unsubscribe(there)
                busy.goOn()
                try await foreign.loop.submit {}.get()
                #expect(there.count == 0)
            }
        }
        try await foreign.end()
    }

    @Test("an inbox on the client's loop gets Redis' bursts as they come")
    func ownLoop() async throws {
        try await withServer { server in
            try await withBus(server) { bus in
                let inbox = try await bus.subscribed(to: "news")
                try await bus.transport.publish(
                    (0..<2_000).map { BusMessage(subject: "news", body: ByteBuffer(string: "\($0)")) }
                ).get()
                try await inbox.wait(for: 2_000)
                #expect(inbox.texts == (0..<2_000).map(String.init))
                #expect(inbox.bursts.count < 500)
            }
        }
    }

    @Test("a publication of more messages than may be in flight keeps its order")
    func portions() async throws {
        try await withServer { server in
            try await withBus(server) {
                $0.options.maxInFlight = 100
            } body: { bus in
                let inbox = try await bus.subscribed(to: "news")
                try await bus.transport.publish(
                    (0..<1_050).map { BusMessage(subject: "news", body: ByteBuffer(string: "\($0)")) }
                ).get()
                try await inbox.wait(for: 1_050)
                #expect(inbox.texts == (0..<1_050).map(String.init))
            }
        }
    }

    @Test("publications beyond max_waiting fail at once")
    func overloaded() async throws {
        let bus = try Bus("redis://127.0.0.1:1") { $0.options.maxWaiting = 3 }
        for _ in 0..<3 { _ = bus.publish("news", "x") }
        let error = try await transportError(bus.publish("news", "x"))
        #expect(error?.code == .overloaded)
        #expect(error?.message.contains("'max_waiting'") == true)
    }

    @Test("an inbox that unsubscribes while it subscribes ends up with nothing")
    func crossing() async throws {
        try await withServer { server in
            try await withBus(server) {
                $0.options.commandTimeout = .milliseconds(300)
            } body: { bus in
                let inbox = RecordingInbox(on: bus.loop)
                let busy = await BusyLoop(bus.loop)
                let subscribing = Task { try await bus.transport.subscribe(inbox, to: ["news"]) }
                let unsubscribing = Task { await bus.transport.unsubscribe(inbox) }
                busy.goOn()
                _ = await subscribing.result
                await unsubscribing.value
                await bus.transport.unsubscribe(inbox)
                let other = try await bus.subscribed(to: "news")
                try await bus.publish("news", "x").get()
                try await other.wait(for: 1)
                #expect(inbox.count == 0)
            }
        }
    }

    @Test("reaches Redis by a Unix domain socket, and with a password")
    func ways() async throws {
        try await withServer("--port", "0", "--unixsocket", "{dir}/redis.sock") { server in
            try await carries("unix://\(server.directory)/redis.sock")
        }
        try await withServer("--requirepass", "p@ss") { server in
            try await carries("redis://:p%40ss@127.0.0.1:\(server.port)")
        }
    }

    @Test("reaches Redis by TLS", .enabled(if: RedisServer.hasTLS, "\(RedisServer.noTLS)"))
    func tls() async throws {
        try await withTLSServer(clients: "yes") { server in
            try await carries("rediss://127.0.0.1:\(server.port)") {
                $0.options.caFile = "\(server.directory)/ca.crt"
                $0.options.certificateFile = "\(server.directory)/client.crt"
                $0.options.keyFile = "\(server.directory)/client.key"
                $0.options.serverName = "localhost"
            }
        }
    }

    private func carries(
        _ url: String, _ configure: (inout RedisTransportConfiguration) -> Void = { _ in }
    ) async throws {
        let bus = try Bus(url, configure)
        try await running([bus.transport]) {
            try await value(of: bus.ready())
            let inbox = try await bus.subscribed(to: "news")
            try await bus.publish("news", "x").get()
            try await inbox.wait(for: 1)
        }
    }

    @Test("a wrong password is told, and is not in the message")
    func wrongPassword() async throws {
        try await withServer("--requirepass", "right") { server in
            let bus = try Bus("redis://:hunter2@127.0.0.1:\(server.port)") {
                $0.options.commandTimeout = .milliseconds(300)
            }
            try await running([bus.transport]) {
                try await bus.waitForLog("bus not reached yet")
                let reason = try #require(bus.metadata("bus not reached yet", "im.reason"))
                #expect(reason.contains("WRONGPASS") && !reason.contains("hunter2"))
                let error = try #require(try await transportError(bus.publish("news", "x")))
                #expect(error.message.contains("'url'") && !"\(error)".contains("hunter2"))
            }
        }
    }

    @Test("certificates that cannot be read end it, naming the file")
    func missingFile() async throws {
        let bus = try Bus("rediss://127.0.0.1:1") { $0.options.caFile = "/none/ca.crt" }
        let error = await #expect(throws: TransportError.self) { try await bus.transport.run() }
        #expect(error?.message.contains("/none/ca.crt") == true)
    }
}
