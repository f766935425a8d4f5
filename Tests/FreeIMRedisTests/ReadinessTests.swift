import FreeIMCore
import FreeIMTestSupport
import RedisTestSupport
import Testing

@testable import FreeIMRedis

@Suite("Readiness of the Redis transport")
struct ReadinessTests {
    @Test("waits for a Redis that starts later, with one warning")
    func late() async throws {
        try await withDirectory { directory in
            let server = try await RedisServer(directory: directory)
            defer { server.end() }
            server.kill9()
            let bus = try Bus(server.url)
            try await running([bus.transport]) {
                let ready = bus.ready()
                try await bus.waitForLog("bus not reached yet")
                #expect(bus.upGauge == 0)
                try server.restart()
                try await value(of: ready, within: .seconds(15))
                try await bus.waitForLog("bus is back")
                #expect(bus.logged == ["warning: bus not reached yet", "info: bus is back"])
                #expect(bus.metadata("bus not reached yet", "im.reason")?.isEmpty == false)
                #expect(bus.count("outages") == 0)
            }
        }
    }

    @Test("does not wait for the next canary once Redis is there again")
    func atOnce() async throws {
        try await withServer { server in
            try await withBus(server) {
                $0.canaryInterval = .seconds(3_600)
                $0.canaryTimeout = .seconds(7_200)
            } body: { bus in
                server.kill9()
                try await bus.waitForLoss()
                try server.restart()
                try await bus.waitForLog("bus is back")
                try await value(of: bus.ready())
            }
        }
    }

    @Test("throws on cancellation")
    func cancellation() async throws {
        let bus = try Bus("redis://127.0.0.1:1")
        let ready = Task { try await bus.transport.ready() }
        ready.cancel()
        await #expect(throws: CancellationError.self) { try await ready.value }
    }

    @Test("a Redis that forbids the canaries' channel is no bus, and says why")
    func forbidden() async throws {
        try await withServer("--user", "default", "on", "nopass", "~*", "+@all", "resetchannels", "&news") { server in
            let bus = try Bus(server.url) { $0.canaryTimeout = .milliseconds(1_500) }
            try await running([bus.transport]) {
                try await bus.waitForLog("bus not reached yet")
                let reason = bus.metadata("bus not reached yet", "im.reason") ?? "none"
                #expect(reason.contains("NOPERM"), "\(reason)")
                let inbox = RecordingInbox(on: bus.loop)
                try await bus.transport.subscribe(inbox, to: ["news"])
                let error = await #expect(throws: TransportError.self) {
                    try await bus.transport.subscribe(inbox, to: ["secret"])
                }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("ACL") == true)
                #expect(try await transportError(bus.publish("secret", "x"))?.message.contains("ACL") == true)
            }
        }
    }

    @Test("nothing is logged where nothing goes wrong, and stopping is no outage")
    func quiet() async throws {
        try await withServer { server in
            let bus = try Bus(server.url)
            try await running([bus.transport]) {
                try await value(of: bus.ready())
                #expect(bus.upGauge == 1)
            }
            #expect(bus.logged.isEmpty)
            #expect(bus.upGauge == 0)
            let error = try await transportError(bus.publish("news", "x"))
            #expect(error?.code == .stopped)
            await #expect(throws: TransportError.self) {
                try await bus.transport.subscribe(RecordingInbox(on: bus.loop), to: ["news"])
            }
        }
    }

    @Test("observers of the link hear of its connections")
    func observers() async throws {
        try await withServer { server in
            let bus = try Bus(server.url)
            let heard = [EventLog(), EventLog()]
            for log in heard { bus.transport.link.observe { log.append($0) } }
            try await running([bus.transport]) { try await value(of: bus.ready()) }
            for log in heard { #expect(log.readies == 2) }
        }
    }
}
