import FreeIMCore
import Logging
import Metrics
import NIOCore
import RedisClient
import Synchronization

/// Notices when somebody else, FreeIM's ImHelper for one, changes the channels of a client that is connected here.
///
/// Redis tells of it over the connection of the subscriptions, before any message published after the change
/// (CLIENT TRACKING). Messages wait from then on until the client's channels have been read.
final class MembershipFollower: RedisSubscriber {
    private struct State {
        weak var host: (any PresenceHost)?
        var node = ""
        /// Clients to be read at the burst's end.
        var changed: Set<ClientID> = []
    }

    /// Open once Redis tells of changes.
    let begun = Gate()
    private let store: PresenceStore
    private let prefixes: [String]
    private let onGap: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameter onGap: called when changes may have been missed.
    init(_ store: PresenceStore, onGap: @escaping @Sendable () -> Void) {
        self.store = store
        self.prefixes = store.keys.identity.dialects.map(store.keys.clientPrefix)
        self.onGap = onGap
    }

    func attach(_ host: any PresenceHost, node: String) {
        state.withLock {
            $0.host = host
            $0.node = node
        }
    }

    func received(_ body: ByteBuffer, on channel: String) {}

    func invalidated(_ keys: [ByteBuffer]?) {
        guard let keys else {
            begun.open()
            return onGap()
        }
        guard let host = state.withLock({ $0.host }) else { return }
        let connected = keys.compactMap(client).filter(host.isConnected)
        let clients = state.withLock { state in connected.filter { state.changed.insert($0).inserted } }
        guard !clients.isEmpty else { return }
        host.hold(clients)
    }

    private func client(_ key: ByteBuffer) -> ClientID? {
        let text = String(buffer: key)
        guard let prefix = prefixes.first(where: text.hasPrefix) else { return nil }
        return ClientID(text.dropFirst(prefix.count))
    }

    func burstEnded() {
        let (clients, node, host) = state.withLock { state in
            defer { state.changed = [] }
            return (Array(state.changed), state.node, state.host)
        }
        guard !clients.isEmpty else { return }
        store.metrics.reread.increment(by: clients.count)
        // One task per burst that brought changes; ends with the command's deadline at the latest.
        Task {
            do {
                let untold = try await store.retell(clients, to: node)
                guard let host, !untold.isEmpty else { return }
                host.eventLoop.execute { host.release(untold) }
            } catch {
                store.logger.warning(
                    "channels not read after a change",
                    metadata: [LogKey.count: "\(clients.count)", LogKey.error: "\(error)"])
                // All is stored anew, and told of who is still connected.
                onGap()
            }
        }
    }
}
