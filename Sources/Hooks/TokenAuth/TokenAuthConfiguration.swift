public import FreeIMCore
public import FreeIMRedis

/// What `auth.token` can be told.
public struct TokenAuthConfiguration: ModuleConfiguration {
    /// How long a token can be used after it was made. FreeIM's is 10 s.
    public var timeToLive = Duration.seconds(10)
    /// Tokens made and neither used nor expired, beyond which no further ones are made; of the store in memory alone.
    public var maxUnused = 1_000_000
    /// A Redis of its own; nil for that of the transport, or for the memory of the process where the transport has none.
    public var redis: RedisOptions?

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "ttl", into: &timeToLive, .range(.seconds(1)...(.seconds(86_400))),
            "How long a token can be used after it was made; in Redis, rounded up to whole seconds.")
        section.read(
            "max_unused", into: &maxUnused, .range(1...100_000_000),
            "Without Redis: tokens neither used nor expired; beyond it no further ones are made.")
        redis = RedisOptions.readOwn(from: &section)
    }
}
