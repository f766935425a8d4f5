import Foundation
import FreeIMTestSupport
import Testing

@Suite struct LifecycleTests {
    @Test("SIGTERM closes every socket with 1001, also one that does not answer, and exits with 0")
    func shutdown() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["close_timeout": "500ms"]))
        let polite = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        let deaf = try await Terminal.connect(daemon.gatewayPort, "/ws?client=2")
        try await deaf.read(false)
        async let status = daemon.stop()
        let farewell = try await polite.farewell()
        #expect(farewell.code == 1001)
        #expect((0.5...2.5).contains(farewell.retryAfter))
        #expect(try await polite.next() == .end)
        #expect(await status == 0)
        #expect(daemon.logText.contains("stopped"))
    }

    @Test("Where sockets do not end in time, the shutdown deadline cuts them and the exit is 0 all the same")
    func deadline() async throws {
        let daemon = try await Daemon.start(
            Manifest(gateway: ["close_timeout": "60s"], api: nil, node: ["shutdown_timeout": "1s"]))
        let deaf = try await Terminal.connect(daemon.gatewayPort, "/ws?client=2")
        try await deaf.read(false)
        #expect(await daemon.stop() == 0)
        #expect(daemon.logText.contains("out of time, sockets are cut"))
    }

    @Test("An address in use ends the process with 1 and names the address and the key")
    func addressInUse() async throws {
        let daemon = try await Daemon.start(Manifest(api: nil))
        let file = FileManager.default.temporaryDirectory.appending(path: "freeim-\(UUID().uuidString).yaml")
        let text = Manifest(gateway: ["listen": "\"127.0.0.1:\(daemon.gatewayPort)\""], api: nil).text
        try text.write(to: file, atomically: true, encoding: .utf8)
        let outcome = try await Daemon.run(["run", "-c", file.path])
        #expect(outcome.status == 1)
        #expect(
            outcome.errors.contains(
                """
                cannot listen on 127.0.0.1:\(daemon.gatewayPort): the address is in use; choose another 'listen' of \
                gateway.websocket
                """))
    }

    @Test("check finds nothing wrong with the built-in manifest, and exits with 78 and all mistakes of another")
    func check() async throws {
        let fine = try await Daemon.run(["check"])
        #expect(fine.status == 0)
        #expect(fine.output.contains("built-in plugins.yaml: fine; gateway.websocket"))
        let file = FileManager.default.temporaryDirectory.appending(path: "freeim-\(UUID().uuidString).yaml")
        try Manifest(gateway: ["lisen": "x"], auth: []).text.write(to: file, atomically: true, encoding: .utf8)
        let wrong = try await Daemon.run(["check", "-c", file.path])
        #expect(wrong.status == 78)
        #expect(wrong.errors.split(separator: "\n").count == 2)
        #expect(wrong.errors.contains("no auth module; add '- use: auth.token' to 'modules'"))
        #expect(wrong.errors.contains("unknown key 'lisen' of gateway.websocket; did you mean 'listen'?"))
    }

    @Test("modules lists every module, and for one every key with its default")
    func modules() async throws {
        let all = try await Daemon.run(["modules"])
        #expect(all.status == 0)
        for id in ["gateway.websocket", "transport.memory", "auth.token", "auth.anonymous", "api.http"] {
            #expect(all.output.contains(id))
        }
        let one = try await Daemon.run(["modules", "auth.token"])
        #expect(one.output.contains("a duration like 250ms, 10s, 5m or 1h, 1s to 24h; default: 10s"))
        #expect(try await Daemon.run(["modules", "auth.nothing"]).status == 1)
    }

    @Test("An anonymous gateway beyond loopback is refused unless it is told to")
    func anonymousRemote() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "freeim-\(UUID().uuidString).yaml")
        let text = Manifest(gateway: ["listen": "\":0\""], node: ["name": "n1"]).text
        try text.write(to: file, atomically: true, encoding: .utf8)
        let outcome = try await Daemon.run(["check", "-c", file.path])
        #expect(outcome.status == 78)
        #expect(outcome.errors.contains("set its 'allow_remote: true' if that is meant, or use auth.token"))
    }
}
