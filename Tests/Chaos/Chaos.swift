import ArgumentParser
import Dispatch
import FreeIMCore
import FreeIMRedisMessenger
import FreeIMTestSupport
import Foundation
import NIOPosix
import RedisClient
import RedisTestSupport

#if canImport(Glibc)
    import CMalloc
#endif

/// Faults at random under terminals and business services, and an account of every message at the end.
@main
struct Chaos: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kills, stops, cuts and slows down nodes and Redis, and checks what became of every message.")

    @Option(help: "Of the faults, about; start and end take some more.")
    var seconds = 20
    @Option(help: "The same seed gives the same schedule; by default another one each time.")
    var seed = UInt64.random(in: 1...999_999)
    @Option(help: "Clients with one connection each.")
    var terminals = 60
    @Option(help: "Messages that each of the six senders tries to send per second.")
    var rate = 20
    @Flag(help: "Prints the schedule, and does nothing.")
    var schedule = false

    static let nodes = 3

    func validate() throws {
        guard seconds > 0, (10...50_000).contains(terminals), (1...1_000).contains(rate) else {
            throw ValidationError("--seconds must be above 0, --terminals 10 to 50000, --rate 1 to 1000")
        }
    }

    func run() async throws {
        let plan = Schedule(seed: seed, time: .seconds(seconds), nodes: Self.nodes)
        say("seed \(seed), \(terminals) terminals, \(plan.entries.count) faults:\n\(plan)")
        guard !schedule else { return }
        // Foundation's Process looks through /proc/self/fd and copies each entry with 256 bytes of name, past the end of
        // readdir's buffer where that is full of descriptors. Mapped by itself the buffer has room behind it.
        #if canImport(Glibc)
            mallopt(M_MMAP_THRESHOLD, 16 * 1_024)
        #endif
        // Ended below, or by a signal.
        let work = Task {
            var violations: [String] = []
            try await withServer { server in violations = try await tryOut(plan, server) }
            return violations
        }
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number)
            // Nodes and Redis are in process groups of their own, and must not outlive this one.
            source.setEventHandler { work.cancel() }
            source.resume()
            return source
        }
        defer { for source in signals { source.cancel() } }
        let violations = try await work.value
        guard violations.isEmpty else {
            say("seed \(seed): \(violations.count) violations")
            throw ExitCode.failure
        }
        say("seed \(seed): no violation")
    }

    private func tryOut(_ plan: Schedule, _ server: RedisServer) async throws -> [String] {
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let cluster = try await NodesAndRedis.start(
            nodes: Self.nodes, redis: server.port, directory: server.directory, on: loops.next())
        defer { cluster.killAll() }
        let control = try RedisClient(server.configuration, eventLoop: loops.next())
        let service = try Messenger.redis(servers: cluster.names, url: server.url)
        let running = [Task { try? await control.run() }, Task { try? await service.run() }]
        defer { for task in running { task.cancel() } }
        try await service.ready()

        let ledger = Ledger()
        let crowd = Terminals(terminals, messenger: service.messenger, ledger: ledger, eventLoop: loops.next())
        let ending = Ending(cluster: cluster, crowd: crowd, start: cluster.names.indices.map { cluster.usage($0) })
        let events = try await service.messenger.events(limit: 200_000)
        let eventsRun = Task { for await event in events { ledger.heard(event) } }
        defer { eventsRun.cancel() }
        let terminalsRun = Task { await crowd.run(seed: seed) }
        defer { terminalsRun.cancel() }
        try await eventually(within: .seconds(120)) { crowd.connected == terminals }
        crowd.isStirred = true
        let senders = Senders(
            messenger: service.messenger, cluster: cluster, ledger: ledger, clients: crowd.ids,
            pause: .seconds(1) / rate)
        let sendersRun = Task { await senders.run(seed: seed) }
        defer { sendersRun.cancel() }

        let readiness = Readiness(cluster, ledger)
        let readinessRun = Task { await readiness.run() }
        defer { readinessRun.cancel() }
        var trial = Trial(cluster: cluster, server: server, control: control, ledger: ledger)
        try await trial.run(plan)
        say("\(ledger.now.inSeconds): the faults are over")
        sendersRun.cancel()
        await sendersRun.value
        crowd.isStirred = false
        var violations = trial.violations
        violations += await ending.presenceIsExact()
        // These are owed to everyone.
        await senders.send(.broadcast, by: 0)
        for channel in 0..<Terminals.channelsOfAll { await senders.send(.channel(channel), by: 0) }
        let stops = trial.windows.compactMap { window -> (node: Int, window: Account.Window)? in
            guard case .stopNode(let node, _) = plan.entries[window.fault].fault else { return nil }
            return (node, window)
        }
        var account = Account(
            ledger.copy, nodes: Self.nodes, windows: trial.windows + readiness.windows(without: stops))
        // What is on its way arrives; what is wrong at the deadline is.
        try? await eventually(within: .seconds(10), every: .milliseconds(500)) {
            account = Account(
                ledger.copy, nodes: Self.nodes, windows: trial.windows + readiness.windows(without: stops))
            return account.violations.isEmpty
        }
        violations += account.violations
        terminalsRun.cancel()
        await terminalsRun.value
        readinessRun.cancel()
        await readinessRun.value
        violations += await ending.everythingIsGone()
        let missed = ledger.copy.eventsMissed
        if missed > 0 { say("events are not checked: this program was too slow for \(missed) of them") }
        var stillOnline: [String] = []
        try? await eventually(within: .seconds(10), every: .milliseconds(200)) {
            stillOnline = Account.stillOnline(ledger.copy)
            return stillOnline.isEmpty
        }
        violations += stillOnline
        say("what was done, and what those missed whose node could not be reached:")
        for (index, line) in trial.timeline.enumerated() {
            say(line + (account.missedInWindow[index].map { "; missed: \($0)" } ?? ""))
        }
        let unready = readiness.windows(without: stops).filter { own in
            !trial.windows.contains { $0.from <= own.to && own.from <= $0.to }
        }
        if !unready.isEmpty {
            say("starved: \(unready.count) times a node lost the bus without a fault, which counts as one")
        }
        say(account)
        for violation in violations.prefix(20) { say("- \(violation)") }
        return violations
    }
}

/// A line at once, also into a pipe.
func say(_ line: some CustomStringConvertible) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
