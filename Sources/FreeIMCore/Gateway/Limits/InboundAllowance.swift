/// How much a terminal may send: so many messages and bytes per second, on average over ``window`` (a token bucket). Of the
/// connection's event loop.
struct InboundAllowance {
    /// What all connections of a gateway have alike; 0: any number.
    struct Rates: Sendable {
        var messages: Int
        var bytes: Int

        var isUnlimited: Bool { messages == 0 && bytes == 0 }
    }

    /// Seconds of silence after which all of it may be sent at once.
    static let window = 10
    private static let ticksPerSecond = 4

    /// In parts of as many as there are ticks in a second, so that a tick refills whole ones.
    private var messages: Int
    private var bytes: Int
    private var refilled: Tick

    init(_ rates: Rates, now: Tick) {
        messages = Self.most(rates.messages)
        bytes = Self.most(rates.bytes)
        refilled = now
    }

    private static func most(_ rate: Int) -> Int { rate * window * ticksPerSecond }

    /// False where it was too much.
    mutating func take(messages taken: Int, bytes size: Int, _ rates: Rates, now: Tick) -> Bool {
        guard !rates.isUnlimited else { return true }
        refill(rates, now)
        messages -= taken * Self.ticksPerSecond
        bytes -= size * Self.ticksPerSecond
        return (rates.messages == 0 || messages >= 0) && (rates.bytes == 0 || bytes >= 0)
    }

    private mutating func refill(_ rates: Rates, _ now: Tick) {
        let ticks = min(Int(now &- refilled), Self.window * Self.ticksPerSecond)
        guard ticks > 0 else { return }
        refilled = now
        messages = min(messages + rates.messages * ticks, Self.most(rates.messages))
        bytes = min(bytes + rates.bytes * ticks, Self.most(rates.bytes))
    }
}
