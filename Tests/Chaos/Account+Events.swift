/// Online and offline events, as a business service heard them.
extension Account {
    /// What is told of a fault's consequences comes so long after its end: the lease of who was thought dead, and what is
    /// stored anew.
    private static let settling = Fault.lease.seconds + memberships

    /// In turn for each client, and online at the end, unless a fault came in between.
    mutating func checkEvents() {
        guard book.eventsMissed == 0 else { return }
        for client in connections.keys.sorted() {
            let events = book.events[client] ?? []
            for (first, second) in zip(events, events.dropFirst()) where first.isOnline == second.isOnline {
                if isDisturbed(client, first.heard, second.heard) {
                    disturbedEvents += 1
                } else {
                    violateEvents("\(second.isOnline ? "online" : "offline") twice", client)
                }
            }
            let isOnline = events.last?.isOnline ?? false
            if !isOnline, !isDisturbed(client, events.last?.heard ?? 0, .infinity) {
                violateEvents("not online, though connected at the end", client)
            }
        }
    }

    /// Clients that have all gone while no fault was: those whose last event says something else.
    static func stillOnline(_ book: Ledger.Book) -> [String] {
        guard book.eventsMissed == 0 else { return [] }
        return book.connections.map(\.client).reduce(into: Set()) { $0.insert($1) }.sorted()
            .filter { book.events[$0]?.last?.isOnline != false }
            .map { "events: client \($0) is not offline, though gone" }
    }

    private func isDisturbed(_ client: Int, _ from: Double, _ to: Double) -> Bool {
        windows.contains { window in
            window.disturbs(client % nodes) && window.from - Self.underway <= to && from <= window.to + Self.settling
        }
    }

    private mutating func violateEvents(_ what: String, _ client: Int) {
        let history = (book.events[client] ?? []).suffix(6).map {
            "\($0.isOnline ? "online" : "offline") \($0.heard.inSeconds)"
        }
        violations.append(
            "events: client \(client) of node \(client % nodes) is \(what): \(history.joined(separator: ", "))\n    "
                + historyText(of: client, around: .infinity))
    }
}
