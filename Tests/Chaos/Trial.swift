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
            // Of the schedule, as the faults are.
            try await Task.sleep(for: entry.pause)
            let from = ledger.now
            try await carryOut(entry.fault)
            let over = ledger.now
            // So that what has just come back, or has just been cut, does not yet pass for ready.
            try await Task.sleep(for: .milliseconds(500))
            await awaitReady(entry.fault)
            let to = ledger.now
            windows.append(
                Account.Window(
                    fault: index, reach: entry.fault.reach, disturbs: entry.fault.disturbs, from: from, to: to,
                    forgets: entry.fault.forgets))
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

    private mutating func carryOut(_ fault: Fault) async throws {
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
            try await stall(node, Set(Direction.allCases), time)
        case .stallOneWay(let node, let direction, let time): try await stall(node, [direction], time)
        case .rough(let node, let time):
            cluster.proxy(node).isRough = true
            try await Task.sleep(for: time)
            cluster.proxy(node).isRough = false
        case .logFull(let node, let time): try await fillLog(node, time)
        case .clockJump(let time): try await jump(by: time)
        }
    }

    private func stall(_ node: Int, _ directions: Set<Direction>, _ time: Duration) async throws {
        cluster.proxy(node).stall(directions)
        try await Task.sleep(for: time)
        cluster.proxy(node).stall([])
    }

    private mutating func fillLog(_ node: Int, _ time: Duration) async throws {
        cluster.fillLog(of: node, true)
        // Its event loop logs that the bus is lost, and that it is back.
        cluster.proxy(node).cut(true)
        try await Task.sleep(for: .milliseconds(200))
        cluster.proxy(node).cut(false)
        do {
            try await eventually(within: .seconds(20), every: .milliseconds(20)) { await cluster.isReady(node) }
        } catch {
            violations.append("node \(node) is not ready while its log has no room")
        }
        try await Task.sleep(for: time)
        cluster.fillLog(of: node, false)
    }

    /// What a jump of Redis' clock means to what stands there with a time: leases, bans and tokens.
    private func jump(by time: Duration) async throws {
        let script = """
            local by = tonumber(ARGV[1])
            for _, key in ipairs({'im_v2_wsLease', 'im_v2_wsBanned'}) do
              local all = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
              for at = 1, #all, 2 do redis.call('ZINCRBY', key, -by, all[at]) end
            end
            for _, key in ipairs(redis.call('KEYS', 'im_v2_wsToken*')) do
              redis.call('PEXPIRE', key, redis.call('PTTL', key) - by)
            end
            """
        let milliseconds = Int(time / .milliseconds(1))
        _ = try await control.send(RedisCommand("EVAL", .string(script), "0", .integer(milliseconds)))
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
