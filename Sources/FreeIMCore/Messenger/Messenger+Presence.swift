extension Messenger {
    /// The number of clients with at least one connection.
    public func onlineCount() async throws(MessengerError) -> Int {
        try await asking { presence throws(PresenceError) in try await presence.onlineCount() }
    }

    /// The clients with at least one connection, a page at a time.
    public func onlineClients(_ page: PageRequest = PageRequest()) async throws(MessengerError) -> Page<ClientID> {
        try await asking { presence throws(PresenceError) in try await presence.onlineClients(page) }
    }

    /// All clients with at least one connection, in one answer; prefer pages where there are many.
    public func allOnlineClients() async throws(MessengerError) -> [ClientID] {
        try await asking { presence throws(PresenceError) in try await presence.onlineClients() }
    }

    public func isOnline(_ client: ClientID) async throws(MessengerError) -> Bool {
        try await connectionCount(of: client) > 0
    }

    /// For each client, in the order asked, whether it has a connection.
    public func isOnline(_ clients: [ClientID]) async throws(MessengerError) -> [Bool] {
        let counts = try await asking { presence throws(PresenceError) in
            try await presence.connectionCounts(of: clients)
        }
        return counts.map { $0 > 0 }
    }

    /// The number of a client's connections (devices, tabs).
    public func connectionCount(of client: ClientID) async throws(MessengerError) -> Int {
        try await asking { presence throws(PresenceError) in try await presence.connectionCount(of: client) }
    }

    func asking<Answer>(
        _ question: (any PresenceHook) async throws(PresenceError) -> Answer
    ) async throws(MessengerError) -> Answer {
        do {
            return try await question(presence)
        } catch {
            throw MessengerError(error)
        }
    }
}
