import DaemonTestSupport
import Foundation
import FreeIMTestSupport
import RedisClient
import RedisTestSupport

/// Carries out a schedule, and writes down when each fault began and was over.
struct Trial {
    let cluster: NodesAndRedis
    let server: RedisServer
    /// Speaks to Redis past the proxies.
    let control: RedisClient
    let ledger: Ledger
    private(set) var windows: [Account.Window] = []
    private(set) var timeline: [String] = []
    private(set) var violations: [String] = []

    init(cluster: NodesAndRedis, server: RedisServer, control: RedisClient, ledger: Ledger) {
        self.cluster = cluster
        self.server = server
        self.control = control
        self.ledger = ledger
    }

    mutating func run(_ schedule: Schedule) async throws {
        for (index, entry) in schedule.entries.enumerated() {
            try await Task.sleep(for: entry.pause)
            let from = ledger.now
            try await carryOut(entry.fault)
            let over = ledger.now
            // So that what has just come back, or has just been cut, does not yet pass for ready.
            try await Task.sleep(for: .milliseconds(500))
            await awaitReady(entry.fault)
            let to = ledger.now
            windows.append(Account.Window(fault: index, reach: entry.fault.reach, from: from, to: to))
            timeline.append(
                "  \(index + 1). \(from.inSeconds) to \(over.inSeconds), all ready at \(to.inSeconds): \(entry.fault)")
        }
    }

    private mutating func awaitReady(_ fault: Fault) async {
        do {
            try await eventually(within: .seconds(20)) {
                for node in cluster.names.indices where await !cluster.isReady(node) { return false }
                return true
            }
        } catch {
            violations.append("20 s after '\(fault)' not all nodes were ready")
            for node in cluster.names.indices { violations.append(await cluster.state(node)) }
        }
    }

    private func carryOut(_ fault: Fault) async throws {
        switch fault {
        case .killNode(let node, let time):
            cluster.node(node).signal(SIGKILL)
            _ = await cluster.node(node).end()
            try await Task.sleep(for: time)
            try await cluster.start(node)
        case .stopNode(let node, let time):
            cluster.node(node).signal(SIGSTOP)
            try await Task.sleep(for: time)
            cluster.node(node).signal(SIGCONT)
        case .killRedis(let isEmpty, let time): try await killRedis(isEmpty: isEmpty, time)
        case .stopRedis(let time):
            server.signal(SIGSTOP)
            try await Task.sleep(for: time)
            server.signal(SIGCONT)
        case .killConnections: try await killConnections()
        case .delay(let node, let delay, let time):
            cluster.proxy(node).delay = delay
            try await Task.sleep(for: time)
            cluster.proxy(node).delay = .zero
        case .cut(let node, let time):
            cluster.proxy(node).cut(true)
            try await Task.sleep(for: time)
            cluster.proxy(node).cut(false)
        case .stall(let node, let time):
            cluster.proxy(node).stall(true)
            try await Task.sleep(for: time)
            cluster.proxy(node).stall(false)
        }
    }

    private func killRedis(isEmpty: Bool, _ time: Duration) async throws {
        let dump = "\(server.directory)/dump.rdb"
        if isEmpty {
            try? FileManager.default.removeItem(atPath: dump)
        } else {
            _ = try? await control.send(RedisCommand("SAVE"))
            // What is stored meanwhile is not in what comes back.
            try await Task.sleep(for: .seconds(1))
        }
        server.kill9()
        try await Task.sleep(for: time)
        try server.restart()
        try await server.listens()
    }

    private func killConnections() async throws {
        let list = (try await control.send(RedisCommand("CLIENT", "LIST"))).string ?? ""
        for line in list.split(separator: "\n") where line.contains("name=\(NodesAndRedis.clientName)") {
            let id = line.split(separator: " ").first { $0.hasPrefix("id=") }?.dropFirst(3) ?? ""
            _ = try await control.send(RedisCommand("CLIENT", "KILL", "ID", .string(String(id))))
        }
    }
}
