/// Whether a terminal is alive: it is pinged after an interval of silence, and given up when it stays silent.
///
/// Decides only; of the connection's event loop.
struct Heartbeat {
    enum Verdict: Equatable {
        /// Nothing to do before that tick.
        case wait(until: Tick)
        /// Ping it, and look again at that tick.
        case ping(next: Tick)
        /// No answer within an interval and the pong's time.
        case dead
    }

    /// The last moment at which the terminal gave a sign of life.
    private var lastSeen: Tick
    private var awaitsPong = false

    init(now: Tick) {
        lastSeen = now
    }

    /// The terminal gave a sign of life.
    mutating func seen(_ now: Tick) {
        lastSeen = now
        awaitsPong = false
    }

    /// That nothing is heard of the terminal is our doing: silence counts from now on.
    mutating func excuse(_ now: Tick) {
        lastSeen = now
    }

    /// As if it had been silent for a while, so that terminals that came together are not pinged together.
    mutating func begin(_ now: Tick, headStart: Tick) {
        lastSeen = now &- headStart
    }

    mutating func look(_ now: Tick, interval: Tick, pong: Tick) -> Verdict {
        let silence = now &- lastSeen
        if awaitsPong {
            let patience = interval + pong
            return silence < patience ? .wait(until: min(lastSeen &+ patience, now + interval)) : .dead
        }
        guard silence >= interval else { return .wait(until: lastSeen &+ interval) }
        awaitsPong = true
        return .ping(next: now + min(interval, pong))
    }
}
