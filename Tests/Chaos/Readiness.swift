import DaemonTestSupport
import Synchronization

/// When nodes lost the bus, as they say themselves: a starved one may take itself for cut off without a fault, and what
/// waits in its sockets is lost then.
final class Readiness: Sendable {
    private let cluster: NodesAndRedis
    private let ledger: Ledger
    private let found = Mutex<[Account.Window]>([])

    private static let pace = Duration.milliseconds(250)
    /// As long as a node waits for its own message on the bus, and a little.
    private static let before = 4.0
    /// Of ``Account/Window/fault``.
    static let noFault = -1

    init(_ cluster: NodesAndRedis, _ ledger: Ledger) {
        self.cluster = cluster
        self.ledger = ledger
    }

    /// - Parameter faults: those after which a node that stood still may say so, and must have lost nothing.
    func windows(without faults: [(node: Int, window: Account.Window)]) -> [Account.Window] {
        found.withLock { $0 }.filter { own in
            !faults.contains { own.reaches($0.node) && $0.window.from <= own.to && own.from <= $0.window.to }
        }
    }

    /// Until it is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            for node in cluster.names.indices { group.addTask { await self.watch(node) } }
            await group.waitForAll()
        }
    }

    private func watch(_ node: Int) async {
        var known: Double?
        var since: Double?
        var asked = ledger.now
        while !Task.isCancelled {
            let before = asked
            asked = ledger.now
            if let losses = await losses(node) {
                if let known, losses > known { since = since ?? before - Self.before }
                known = losses
            }
            if let from = since, await cluster.isReady(node) {
                since = nil
                let own = Fault.Reach.terminals(of: node)
                let window = Account.Window(fault: Self.noFault, reach: own, disturbs: own, from: from, to: ledger.now)
                found.withLock { $0.append(window) }
            }
            try? await Task.sleep(for: Self.pace)
        }
    }

    /// How often a node has lost its bus or its lease; nil where it does not answer.
    private func losses(_ node: Int) async -> Double? {
        let answer = try? await API(port: cluster.apiPort(node), timeout: 5)("GET", "/metrics")
        guard let answer, answer.status == 200 else { return nil }
        return answer.text.split(separator: "\n").reduce(0) { sum, line in
            guard let name = Self.counters.first(where: { line.hasPrefix($0) }) else { return sum }
            return sum + (Double(line.dropFirst(name.count)) ?? 0)
        }
    }

    private static let counters = ["freeim_redis_outages_total ", "freeim_presence_leases_lost_total "]
}
