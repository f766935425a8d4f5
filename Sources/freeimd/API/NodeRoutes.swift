import FreeIMCore
import Hummingbird

/// What only the asked node knows.
struct NodeRoutes: Sendable {
    let node: Node
    let pages: PageReader

    func add(to group: RouterGroup<APIContext>) {
        group.get("node/slow-receivers", use: slowReceivers)
    }

    @Sendable private func slowReceivers(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let report = try await node.slowReceivers(limit: try pages.limit(of: request))
        let receivers = report.receivers.map { receiver -> JSONAnswer in
            [
                "client": .client(receiver.client), "waiting_bytes": .number(Int64(receiver.waitingBytes)),
                "waiting_ms": .number(Int64(receiver.waiting / .milliseconds(1))),
                "dropped": .number(Int64(receiver.dropped)),
            ]
        }
        return [
            "node": .string(node.identity.name), "receivers": .list(receivers), "count": .number(Int64(report.count)),
            "dropped": .number(Int64(report.dropped)),
        ]
    }
}
