import FreeIMCore

extension MemoryPresence {
    /// Throws where a limit is against one of the memberships.
    func checkLimits(_ client: ClientID, _ names: [ChannelName]) throws(PresenceError) {
        guard limits.isActive else { return }
        let current = channels[client] ?? []
        let further = Set(names).subtracting(current)
        if limits.channelsPerClient > 0, !further.isEmpty, current.count + further.count > limits.channelsPerClient {
            throw refused(.tooManyChannels(client, limit: limits.channelsPerClient))
        }
        guard limits.membersPerChannel > 0 else { return }
        let isFull = { [members, limits] in (members[$0]?.count ?? 0) >= limits.membersPerChannel }
        if let full = names.first(where: { further.contains($0) && isFull($0) }) {
            throw refused(.channelFull(full, limit: limits.membersPerChannel))
        }
    }

    private func refused(_ error: PresenceError) -> PresenceError {
        refusedJoins.count(error)
        return error
    }
}
