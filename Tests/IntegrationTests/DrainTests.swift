import Foundation
import FreeIMTestSupport
import Testing

@Suite("A node that stops lets its terminals go little by little", .serialized)
struct DrainTests {
    private func connect(_ count: Int, to daemon: Daemon) async throws -> [Terminal] {
        var terminals: [Terminal] = []
        for client in 1...count {
            terminals.append(try await Terminal.connect(daemon.gatewayPort, "/ws?client=\(client)"))
        }
        return terminals
    }

    private func isReady(_ daemon: Daemon) async throws -> Bool {
        try await API(port: daemon.apiPort)("GET", "/health/ready").status == 200
    }

    @Test("for drain_delay it is not ready any more, but serves its terminals and lets new ones in")
    func delay() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["drain_delay": "8s"]))
        let first = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        #expect(try await isReady(daemon))
        daemon.signal(SIGTERM)
        try await eventually { try await !isReady(daemon) }
        let second = try await Terminal.connect(daemon.gatewayPort, "/ws?client=2")
        let api = API(port: daemon.apiPort)
        try await api.online("1", "2")
        try await api("POST", "/v1/messages", #"{"to":[1,2],"message":"still here"}"#)
        for terminal in [first, second] {
            #expect(try await terminal.next() == .text(#""still here""#))
            #expect(try await terminal.farewell(within: .seconds(30)).code == 1001)
        }
        #expect(await daemon.end() == 0)
    }

    @Test("at drain_rate, while the API says that it is not ready, and handshakes are refused with 503")
    func paced() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["drain_rate": "8"]))
        let terminals = try await connect(24, to: daemon)
        let clock = ContinuousClock()
        let start = clock.now
        daemon.signal(SIGTERM)
        _ = try await terminals[0].farewell()
        let refused = await #expect(throws: Terminal.Refused.self) {
            try await Terminal.connect(daemon.gatewayPort, "/ws?client=99")
        }
        #expect(refused?.status == 503)
        #expect(refused?.body.contains(#""code":"going_away""#) == true)
        let retryAfter = refused?.head.split(separator: "\r\n").first { $0.hasPrefix("Retry-After: ") }
        #expect((1...3).contains(retryAfter.flatMap { Int($0.dropFirst(13)) } ?? 0))
        let ready = try await API(port: daemon.apiPort)("GET", "/health/ready")
        #expect(ready.status == 503 && ready.text.contains("going_away"))
        var pauses: Set<Double> = []
        for terminal in terminals.dropFirst() {
            let farewell = try await terminal.farewell()
            #expect(farewell.code == 1001)
            pauses.insert(farewell.retryAfter)
        }
        // Twelve ticks of a quarter of a second, the first of them at once.
        #expect(start.duration(to: clock.now) >= .seconds(2.5))
        #expect(pauses.count > 8)
        #expect(await daemon.end() == 0)
    }

    @Test("faster than drain_rate where shutdown_timeout is too short, which is logged; each gets its close frame")
    func raised() async throws {
        let daemon = try await Daemon.start(
            Manifest(gateway: ["drain_rate": "1"], node: ["shutdown_timeout": "4s"]))
        let terminals = try await connect(20, to: daemon)
        daemon.signal(SIGTERM)
        for terminal in terminals { #expect(try await terminal.farewell().code == 1001) }
        #expect(await daemon.end() == 0)
        #expect(daemon.logText.contains("drain_rate is raised, since shutdown_timeout is too short for it"))
        #expect(!daemon.logText.contains("out of time"))
    }

    @Test(
        "a second signal ends the pace, and the terminals are told to come back over a longer time",
        arguments: [SIGTERM, SIGINT])
    func hurried(second: Int32) async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["drain_rate": "1"], node: ["shutdown_timeout": "1h"]))
        let terminals = try await connect(30, to: daemon)
        daemon.signal(SIGTERM)
        _ = try await terminals[0].farewell(within: .seconds(20))
        daemon.signal(second)
        var pauses: [Double] = []
        for terminal in terminals.dropFirst() { pauses.append(try await terminal.farewell().retryAfter) }
        #expect(pauses.max() ?? 0 > 10)
        #expect(await daemon.end() == 0)
    }

    @Test("a second signal ends drain_delay as well")
    func hurriedDelay() async throws {
        let daemon = try await Daemon.start(
            Manifest(gateway: ["drain_delay": "10m"], node: ["shutdown_timeout": "1h"]))
        let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        daemon.signal(SIGTERM)
        try await eventually { try await !isReady(daemon) }
        daemon.signal(SIGTERM)
        #expect(try await terminal.farewell().code == 1001)
        #expect(await daemon.end() == 0)
    }

    @Test("a third signal cuts who does not answer")
    func cut() async throws {
        let daemon = try await Daemon.start(
            Manifest(gateway: ["close_timeout": "10m", "drain_rate": "1"], node: ["shutdown_timeout": "1h"]))
        let deaf = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await deaf.read(false)
        for message in ["draining", "hurried", "stopping at once"] {
            daemon.signal(SIGTERM)
            try await eventually { daemon.logText.contains(message) }
        }
        #expect(await daemon.end() == 0)
        #expect(daemon.logText.contains("out of time, sockets are cut"))
    }
}
