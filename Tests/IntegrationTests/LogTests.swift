#if os(Linux)
    import Foundation
    import FreeIMTestSupport
    import Testing

    /// What becomes of a node whose log nobody takes.
    @Suite struct LogTests {
        /// The event loops log their lateness, and messages pass all the same.
        private func logsAndDelivers(_ daemon: Daemon) async throws {
            let terminals = [
                try await Terminal.connect(daemon.gatewayPort, "/ws?client=1"),
                try await Terminal.connect(daemon.gatewayPort, "/ws?client=2"),
            ]
            daemon.signal(SIGSTOP)
            let clock = ContinuousClock()
            let start = clock.now
            try await eventually { start.duration(to: clock.now) >= .milliseconds(700) }
            daemon.signal(SIGCONT)
            let api = API(port: daemon.apiPort)
            for number in 0..<20 {
                #expect(try await api("POST", "/v1/messages", #"{"text":"\#(number)","to":[1,2]}"#).status == 200)
                for terminal in terminals { #expect(try await terminal.texts(1) == ["\(number)"]) }
            }
            #expect(try await api("GET", "/health/ready").status == 200)
        }

        private let manifest = Manifest(node: ["lag_warning": "10ms"])

        @Test("A reader of the log that stands still holds up no event loop, and the node ends as it should")
        func stalled() async throws {
            let daemon = try await Daemon.start(manifest)
            daemon.log.stall()
            try await logsAndDelivers(daemon)
            #expect(await daemon.stop() == 0)
        }

        @Test("Once the log is read on, it goes on")
        func goesOn() async throws {
            let daemon = try await Daemon.start(manifest)
            daemon.log.stall()
            try await logsAndDelivers(daemon)
            daemon.log.goOn()
            try await eventually { daemon.logText.contains("event loop late") }
            #expect(await daemon.stop() == 0)
            #expect(daemon.logText.contains("stopped"))
        }

        @Test("A full disk under the log is nobody's trouble, and shows in the metrics")
        func full() async throws {
            let daemon = try await Daemon.start(manifest, logFile: "/dev/full")
            try await logsAndDelivers(daemon)
            let metrics = try await API(port: daemon.apiPort)("GET", "/metrics").text
            let lost = metrics.split(separator: "\n").first { $0.hasPrefix("freeim_log_lines_lost_total ") }
            #expect((lost?.split(separator: " ").last.flatMap { Double($0) } ?? 0) > 3)
            #expect(await daemon.stop() == 0)
        }
    }
#endif
