import FreeIMTestSupport

/// What must be true when all faults are over, and when all terminals have gone.
struct Ending {
    let cluster: NodesAndRedis
    let crowd: Terminals
    /// Of each node, before a terminal came.
    let start: [Usage?]

    /// Sockets of the API's own clients, which they keep for a while.
    private static let furtherDescriptors = 12
    /// What malloc keeps: for itself, and of each connection that was there.
    private static func furtherKB(_ terminals: Int) -> Int { 32_768 + terminals * 16 }

    /// All are connected, and every node lists exactly them.
    func presenceIsExact() async -> [String] {
        await violations(within: .seconds(60)) {
            let connected = crowd.connected
            if connected < crowd.ids.count {
                return ["\(connected) of \(crowd.ids.count) terminals are connected again"]
            }
            return await lists(Set(crowd.ids))
        }
    }

    /// No client is online, the nodes hold about as much as at the start, and end as they should.
    func everythingIsGone() async -> [String] {
        var wrong = await violations(within: .seconds(30)) {
            var wrong = await lists([])
            for (node, before) in start.enumerated() {
                guard let before, let now = cluster.usage(node) else {
                    wrong.append("node \(node) has ended by itself")
                    continue
                }
                let isNear =
                    now.descriptors <= before.descriptors + Self.furtherDescriptors
                    && now.residentKB <= before.residentKB + Self.furtherKB(crowd.ids.count)
                if !isNear { wrong.append("node \(node) has \(now) without terminals, \(before) at the start") }
            }
            return wrong
        }
        for (node, before) in start.enumerated() {
            guard let before, let now = cluster.usage(node) else { continue }
            say("node \(node): \(before) before the terminals, \(now) after them")
        }
        wrong += await cluster.end()
        return wrong
    }

    private func lists(_ expected: Set<Int>) async -> [String] {
        var wrong: [String] = []
        for node in cluster.names.indices {
            guard let online = await cluster.online(node) else {
                wrong.append("node \(node) does not list who is online")
                continue
            }
            guard online != expected else { continue }
            wrong.append(
                "node \(node) lists \(online.count) clients as online instead of \(expected.count): too many "
                    + "\(online.subtracting(expected).sorted().prefix(10)), missing "
                    + "\(expected.subtracting(online).sorted().prefix(10))")
        }
        return wrong
    }

    /// What is wrong still at the deadline.
    private func violations(within deadline: Duration, _ check: () async -> [String]) async -> [String] {
        var wrong: [String] = []
        try? await eventually(within: deadline, every: .milliseconds(200)) {
            wrong = await check()
            return wrong.isEmpty
        }
        return wrong
    }
}
