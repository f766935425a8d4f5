public import FreeIMCore
public import FreeIMRedis

/// What `presence.redis` can be told.
public struct RedisPresenceConfiguration: ModuleConfiguration {
    /// nil: the Redis of `transport.redis`.
    public var options: RedisOptions?
    /// How long a node's connections count after it was last heard of.
    public var lease = Duration.seconds(9)
    /// How often a node renews its lease.
    public var renewal = Duration.seconds(3)
    /// Whether joins and leaves of FreeIM's .NET ImHelper are noticed (CLIENT TRACKING).
    public var tracking = true
    /// Rows of a lost node that are taken in one script; Redis serves others in between.
    public var sweepBatch = 100
    /// How many connections one client may have.
    public var devices = DevicePolicy()
    /// In how many channels one client may be, and how many members a channel may have.
    public var channels = ChannelLimits()

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "lease", into: &lease, .range(.milliseconds(200)...(.seconds(600))),
            "How long a node's connections count after it was last heard of.")
        section.read(
            "renewal", into: &renewal, .range(.milliseconds(50)...(.seconds(300))),
            "How often a node renews its lease; at most half of it.")
        if renewal * 2 > lease {
            section.problem("'renewal' (\(renewal)) must be at most half of 'lease' (\(lease))", at: "renewal")
        }
        section.read(
            "tracking", into: &tracking,
            "Whether joins and leaves of FreeIM's .NET ImHelper are noticed (CLIENT TRACKING).")
        section.read(
            "sweep_batch", into: &sweepBatch, .range(1...1_000), "Connections of a lost node that one script takes.")
        devices.read(from: &section)
        channels.read(from: &section)
        options = RedisOptions.readOwn(from: &section)
    }
}
