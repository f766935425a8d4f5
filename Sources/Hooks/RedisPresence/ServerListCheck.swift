import FoundationEssentials
package import FreeIMCore
package import FreeIMRedis
package import Logging
import NIOCore
import RedisClient

/// Compares a business service's list of servers with the nodes'. A difference is told to both sides: logged here, and
/// left in Redis for the nodes.
package final class ServerListCheck: Sendable {
    private let identity: NodeIdentity
    private let link: RedisLink
    private let logger: Logger
    private let keys: PresenceKeys

    /// How long the nodes find a list that differs.
    private static let memory = 60

    package init(identity: NodeIdentity, link: RedisLink, logger: Logger) {
        self.identity = identity
        self.link = link
        self.logger = logger
        keys = PresenceKeys(identity: identity, keyPrefix: link.keyPrefix)
    }

    /// Returns the nodes' list where it differs.
    @discardableResult
    package func run() async throws -> [String]? {
        let lists = try await link.client.send(RedisCommand("HVALS", keys.servers)).array ?? []
        guard let other = lists.compactMap(PresenceStore.texts).first(where: { $0 != identity.servers }) else {
            return nil
        }
        logger.error(
            """
            the nodes have another list of servers, so messages go to wrong nodes; give all nodes and business services \
            the same 'servers' in the same order
            """,
            metadata: [
                "servers": "\(identity.servers.joined(separator: ", "))",
                "nodes": "\(other.joined(separator: ", "))",
            ])
        _ = try await link.client.send(
            RedisCommand(
                "SET", keys.differingServers, .bytes(PresenceStore.json(identity.servers)), "EX",
                .integer(Self.memory)))
        return other
    }
}
