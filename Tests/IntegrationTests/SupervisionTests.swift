#if os(Linux)
    import Foundation
    import FreeIMTestSupport
    import Testing

    @Suite struct SupervisionTests {
        private func pass(_ time: Duration) async throws {
            let clock = ContinuousClock()
            let start = clock.now
            try await eventually { start.duration(to: clock.now) >= time }
        }

        @Test("systemd hears that a node is ready, lives, serves and stops", arguments: [false, true])
        func notify(isAbstract: Bool) async throws {
            let socket = try NotifySocket(isAbstract: isAbstract)
            let daemon = try await Daemon.start(
                environment: ["NOTIFY_SOCKET": socket.name, "WATCHDOG_USEC": "400000"])
            try await socket.wait(for: "READY=1")
            let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
            #expect(try await socket.wait(for: "STATUS=serving 1 connections").first == "WATCHDOG=1")
            // A process that stands still gives no sign of life.
            daemon.signal(SIGSTOP)
            try await pass(.milliseconds(100))
            while socket.next() != nil {}
            try await pass(.seconds(1))
            #expect(socket.next() == nil)
            daemon.signal(SIGCONT)
            try await socket.wait(for: "WATCHDOG=1")
            daemon.signal(SIGTERM)
            try await socket.wait(for: "STOPPING=1")
            #expect(await daemon.end() == 0)
            withExtendedLifetime(terminal) {}
        }

        @Test("An event loop that was late shows in the metrics and in the log")
        func lag() async throws {
            let daemon = try await Daemon.start(Manifest(node: ["lag_warning": "500ms"]))
            daemon.signal(SIGSTOP)
            try await pass(.seconds(1.5))
            daemon.signal(SIGCONT)
            try await eventually { daemon.logText.contains("event loop late") }
            let metrics = try await API(port: daemon.apiPort)("GET", "/metrics").text
            for loop in 0..<2 {
                let line = try #require(metrics.line("freeim_loop_lag_worst_seconds{loop=\"\(loop)\"} "))
                #expect(try #require(Double(line)) > 0.5)
            }
        }

        @Test("A low soft limit of descriptors is raised to the hard one; too low a hard one is told with the remedy")
        func descriptors() async throws {
            let daemon = try await Daemon.start(
                Manifest(gateway: ["max_connections": "3000"]), prelude: "ulimit -Sn 256; ulimit -Hn 4000")
            #expect(
                daemon.logText.contains("may have 4000 descriptors open, but the gateway's 'max_connections' of 3000"))
            let metrics = try await API(port: daemon.apiPort)("GET", "/metrics").text
            #expect(metrics.line("process_max_fds ") == "4000.0")
            #expect(Double(try #require(metrics.line("process_open_fds "))) ?? 0 > 5)
            let enough = try await Daemon.start(
                Manifest(gateway: ["max_connections": "1000"]), prelude: "ulimit -Sn 256; ulimit -Hn 4000")
            #expect(!enough.logText.contains("too few descriptors"))
        }

        @Test(
            "A crash names the place, with the unit file's settings, and shows no memory",
            .disabled(
                if: ProcessInfo.processInfo.environment["FREEIM_SANITIZER"] == "thread",
                "the thread sanitizer's own runtime fails where a signal's handler forks"))
        func crash() async throws {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent()
            let unit = try String(contentsOf: root.appending(path: "packaging/freeimd.service"), encoding: .utf8)
            let setting = try #require(unit.line("Environment=SWIFT_BACKTRACE="))
            let daemon = try await Daemon.start(environment: ["SWIFT_BACKTRACE": setting])
            daemon.signal(SIGILL)
            try await eventually(within: .seconds(120)) { daemon.logText.contains("Backtrace took") }
            #expect(daemon.logText.contains("Program crashed"))
            #expect(daemon.logText.contains("SelectableEventLoop.run()"))
            #expect(!daemon.logText.contains("Registers:"))
        }
    }

    extension String {
        /// The rest of the line that begins so.
        fileprivate func line(_ beginning: String) -> String? {
            split(separator: "\n").first { $0.hasPrefix(beginning) }.map { String($0.dropFirst(beginning.count)) }
        }
    }
#endif
