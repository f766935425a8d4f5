public import FreeIMCore

extension MemoryPresence {
    /// A connection that counts for the policy.
    struct Device {
        let connection: ConnectionID
        let node: String
        let device: String?
    }

    /// Why a connection that opens is not let in; nil where it is. What has to be closed for it is added to `closing`.
    func refusal(
        of change: ConnectionChange, on node: String, _ closing: inout [(node: String, CloseCommand)]
    ) -> ConnectionRefusal? {
        let client = change.identity.client
        if let remaining = bans.remaining(client, at: now()) { return .banned(remaining) }
        guard policy.isActive, let connection = change.connection else { return nil }
        let known = devices[client] ?? []
        let all = known + [Device(connection: connection, node: node, device: change.identity.device)]
        let excess = policy.excess(all.map(\.device))
        if excess.contains(known.count) { return .tooManyConnections(limit: policy.connectionsPerClient) }
        devices[client] = all
        closing += excess.map { index in
            (
                all[index].node,
                CloseCommand(
                    client, code: .replaced, reason: "replaced by a newer connection",
                    connections: [all[index].connection])
            )
        }
        return nil
    }

    func forget(_ connection: ConnectionID?, of client: ClientID) {
        guard let connection, var known = devices[client] else { return }
        known.removeAll { $0.connection == connection }
        devices[client] = known.isEmpty ? nil : known
    }

    public func ban(_ client: ClientID, for duration: Duration) throws(PresenceError) {
        let now = now()
        guard bans.set(client, until: duration > .zero ? now + duration : nil, at: now) else {
            throw PresenceError(.limitReached, "\(Bans.limit) clients are banned already; let some in again")
        }
    }
}
