import FreeIMCore
import Logging

/// Compares the lists of servers of nodes and business services; each difference is told once.
struct ServerLists {
    private var told: Set<[String]> = []

    mutating func compare(_ lease: PresenceStore.Lease, own: [String], logger: Logger) {
        for (servers, who) in lease.servers.map({ ($0, "another node") })
            + [lease.businessServers].compactMap({ $0.map { ($0, "a business service") } })
        where servers != own && told.insert(servers).inserted {
            logger.error(
                """
                \(who) has another list of servers, so messages go to wrong nodes; give all nodes and business services \
                the same 'servers' in the same order
                """,
                metadata: ["servers": "\(own.joined(separator: ", "))", "others": "\(servers.joined(separator: ", "))"])
        }
    }
}
