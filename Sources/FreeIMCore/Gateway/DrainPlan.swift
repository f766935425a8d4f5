/// How fast a stopping gateway lets its terminals go.
struct DrainPlan: Equatable {
    /// Ticks of the shards' clocks over which the connections are spread; 1 and less: all at once.
    let ticks: Int
    /// Connections per second, 0 for all at once: `drain_rate`, or more where the time is too short for it.
    let rate: Int
    /// Whether ``rate`` is higher than `drain_rate`.
    let isRaised: Bool
    /// Over how long a time terminals that are told at the same moment should come back.
    let spread: Duration

    /// Between a terminal's last cut and the end of the node's time: what connections leave behind is stored meanwhile.
    private static let reserve = Duration.seconds(1)
    /// Where there is no `drain_rate`, as many come back per second.
    private static let usualRate = 2_000
    private static let shortestSpread = Duration.seconds(2)
    private static let longestSpread = Duration.seconds(60)

    /// - Parameters:
    ///   - rate: `drain_rate`; 0: all at once.
    ///   - time: what is left of `shutdown_timeout`; nil where there is no end.
    ///   - closeTimeout: how long the last one told may take to answer.
    init(count: Int, rate: Int, within time: Duration?, closeTimeout: Duration) {
        let tick = GatewayContext.tick
        var ticks = 0
        var isRaised = false
        if rate > 0, count > 0 {
            let wanted = (Double(count) / Double(rate) * (.seconds(1) / tick)).rounded(.up)
            // At least half of the time is for telling, and half of it for answers.
            let allowed = time.map { max(1, (($0 - min(closeTimeout + Self.reserve, $0 / 2)) / tick).rounded(.down)) }
            isRaised = allowed.map { $0 < wanted } ?? false
            ticks = Int(min(wanted, allowed ?? wanted))
        }
        self.ticks = ticks
        self.isRaised = isRaised
        self.rate = isRaised ? Int((Double(count) / (tick * ticks / .seconds(1))).rounded(.up)) : rate
        let wanted = Duration.seconds(1) * (Double(count) / Double(rate > 0 ? rate : Self.usualRate))
        self.spread = min(max(wanted - tick * ticks, Self.shortestSpread), Self.longestSpread)
    }
}
