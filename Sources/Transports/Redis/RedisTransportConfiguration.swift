public import FreeIMCore

/// What `transport.redis` can be told.
public struct RedisTransportConfiguration: ModuleConfiguration {
    public var options = RedisOptions()
    /// How often the transport sends itself a message in order to see that the bus carries messages. Above zero.
    public var canaryInterval = Duration.seconds(1)
    /// How long one of them is under way until the bus counts as lost. Longer than ``canaryInterval``.
    public var canaryTimeout = Duration.seconds(3)
    /// Messages that wait for one inbox on another event loop than the client's; further ones are dropped and counted.
    public var maxPending = 65_536

    public init() {}

    public mutating func read(from section: inout Section) {
        options.read(from: &section)
        section.read(
            "canary_interval", into: &canaryInterval, .range(.milliseconds(10)...(.seconds(3_600))),
            "How often the transport sends itself a message in order to see that the bus carries messages.")
        section.read(
            "canary_timeout", into: &canaryTimeout, .range(.milliseconds(20)...(.seconds(3_600))),
            "How long one of them is under way until the bus counts as lost.")
        if canaryTimeout <= canaryInterval {
            section.problem(
                "'canary_timeout' of \(section.owner) must be longer than 'canary_interval'", at: "canary_timeout")
        }
        section.read(
            "max_pending", into: &maxPending, .range(1...100_000_000),
            "Messages that wait for one subscriber on another event loop; further ones are dropped and counted.")
    }
}
