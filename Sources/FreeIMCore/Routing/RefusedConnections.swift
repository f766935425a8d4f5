/// The connections that presence has not let in: for it and for the bus they have never been. Each is kept until its end
/// is told, which follows within the gateway's `close_timeout`.
struct RefusedConnections {
    /// Those of the last changes.
    private(set) var latest: [ConnectionID: ConnectionRefusal] = [:]
    /// Those whose end is still to come.
    private var open: Set<ConnectionID> = []

    /// Without the ends of connections that were refused earlier.
    mutating func takeOut(_ changes: [PendingChange]) -> [PendingChange] {
        latest = [:]
        guard !open.isEmpty else { return changes }
        return changes.filter { entry in
            guard entry.change.kind == .closed, let connection = entry.change.connection else { return true }
            return open.remove(connection) == nil
        }
    }

    mutating func note(_ transitions: [PresenceTransition], among changes: [PendingChange]) {
        for transition in transitions {
            guard case .refused(let refusal) = transition.kind, let connection = transition.connection else { continue }
            latest[connection] = refusal
            open.insert(connection)
        }
        guard !latest.isEmpty else { return }
        for entry in changes where entry.change.kind == .closed {
            entry.change.connection.map { _ = open.remove($0) }
        }
    }

    /// Without those of the last changes.
    func letIn(_ changes: [PendingChange]) -> [PendingChange] {
        guard !latest.isEmpty else { return changes }
        return changes.filter { entry in entry.change.connection.map { latest[$0] == nil } ?? true }
    }
}
