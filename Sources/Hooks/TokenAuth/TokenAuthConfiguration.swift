public import FreeIMCore

/// What `auth.token` can be told.
public struct TokenAuthConfiguration: ModuleConfiguration {
    /// How long a token can be used after it was made. FreeIM's is 10 s.
    public var timeToLive = Duration.seconds(10)
    /// Tokens made and neither used nor expired, beyond which no further ones are made.
    public var maxUnused = 1_000_000

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "ttl", into: &timeToLive, .range(.seconds(1)...(.seconds(86_400))),
            "How long a token can be used after it was made.")
        section.read(
            "max_unused", into: &maxUnused, .range(1...100_000_000),
            "Tokens neither used nor expired; beyond it no further ones are made.")
    }
}
