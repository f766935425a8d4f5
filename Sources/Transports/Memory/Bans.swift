import FreeIMCore

/// Who may not connect, and until when.
struct Bans {
    /// Clients that are banned at the same time.
    static let limit = 1_000_000

    private var ends: [ClientID: ContinuousClock.Instant] = [:]

    /// Until `end`; nil ends a ban. False where too many are banned.
    mutating func set(_ client: ClientID, until end: ContinuousClock.Instant?, at now: ContinuousClock.Instant) -> Bool
    {
        if end != nil, ends[client] == nil, ends.count >= Self.limit {
            ends = ends.filter { $0.value > now }
            guard ends.count < Self.limit else { return false }
        }
        ends[client] = end
        return true
    }

    /// nil where the client is not banned.
    mutating func remaining(_ client: ClientID, at now: ContinuousClock.Instant) -> Duration? {
        guard let end = ends[client] else { return nil }
        guard end > now else {
            ends[client] = nil
            return nil
        }
        return now.duration(to: end)
    }
}
