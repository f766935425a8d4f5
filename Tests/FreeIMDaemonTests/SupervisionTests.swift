#if os(Linux)
    import FreeIMCore
    import FreeIMTestSupport
    import InMemoryLogging
    import Logging
    import NIOCore
    import NIOPosix
    import Testing

    @testable import FreeIMDaemon

    @Suite struct SupervisionTests {
        private static let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)

        private func makeNode() throws -> Node {
            let text = """
                modules: [use: gateway.websocket, use: transport.memory, use: presence.memory, use: auth.token]
                """
            var reader = ManifestReader(file: "m.yaml", environment: [:])
            let sections = reader.read(text)
            let root = try #require(sections)
            let plan = try Assembler(catalog: .standard).plan(Manifest(root, file: "m.yaml"))
            return try Assembly(plan, eventLoopGroup: Self.loops, logger: .silent).node
        }

        private func settings(_ environment: [String: String]) -> Supervision.Settings {
            Supervision.Settings(environment: environment, process: 7, shutdownTimeout: .seconds(30))
        }

        /// Runs `body` while a node that does not run is supervised.
        private func supervise(
            watchdog microseconds: Int, _ body: (NotifySocket, Node, InMemoryLogHandler) async throws -> Void
        ) async throws {
            let socket = try NotifySocket()
            let log = InMemoryLogHandler()
            let node = try makeNode()
            let supervision = Supervision(
                notifier: try #require(ServiceNotifier(environment: ["NOTIFY_SOCKET": socket.name])),
                lifecycle: node.lifecycle, pulses: node.shards.map(LoopPulse.init),
                settings: settings(["WATCHDOG_USEC": "\(microseconds)"]), logger: Logger(label: "test") { _ in log })
            let task = Task { await supervision.run() }
            defer { task.cancel() }
            try await body(socket, node, log)
            task.cancel()
            await task.value
        }

        @Test("The manager hears of the start, of readiness, of the stop and how long it may take")
        func phases() async throws {
            try await supervise(watchdog: 60_000_000) { socket, node, _ in
                try await socket.wait(for: "STATUS=waiting for transport, presence and authentication")
                node.lifecycle.serve()
                #expect(try await socket.wait(for: "READY=1") == ["READY=1", "STATUS=serving 0 connections"])
                node.lifecycle.leave()
                #expect(
                    try await socket.wait(for: "STOPPING=1") == [
                        "STOPPING=1", "STATUS=stopping, 0 connections left", "EXTEND_TIMEOUT_USEC=35000000",
                    ])
            }
        }

        @Test("There are signs of life as long as every event loop turns; one that hangs ends them, and is named")
        func watchdog() async throws {
            try await supervise(watchdog: 2_000_000) { socket, node, log in
                for _ in 0..<3 { try await socket.wait(for: "WATCHDOG=1") }
                #expect(log.entries.isEmpty)
                let busy = await BusyLoop(node.shards[1].eventLoop)
                try await eventually(within: .seconds(20)) { !log.entries.isEmpty }
                while socket.next() != nil {}
                let heard = log.entries.count
                try await eventually(within: .seconds(20)) { log.entries.count >= heard + 2 }
                #expect(socket.next() == nil)
                let entry = try #require(log.entries.first)
                #expect(entry.level == .error)
                #expect(entry.metadata["loops"] == "[1]")
                busy.goOn()
                try await socket.wait(for: "WATCHDOG=1")
            }
        }

        @Test("The watchdog's time counts for the process that it is meant for, and halved")
        func watched() {
            let meant = settings(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"])
            #expect(meant.isWatched)
            #expect(meant.interval == .milliseconds(1_500))
            for environment in [
                [:], ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "x"],
            ] {
                #expect(settings(environment) == settings([:]))
                #expect(!settings(environment).isWatched)
            }
        }
    }
#endif
