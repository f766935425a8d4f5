public import FreeIMCore

/// What `transport.memory` can be told.
public struct MemoryConfiguration: ModuleConfiguration {
    /// Messages that wait for one subscriber, beyond which publishers wait.
    public var maxPending = 65_536
    /// Publications that wait for room, beyond which further ones fail at once.
    public var maxWaiting = 1_024
    /// How long a publication waits for room before it fails.
    public var publishTimeout = Duration.seconds(5)
    /// Messages handed to a subscriber at a time; its event loop does other work in between.
    public var maxBurst = 1_024

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "max_pending", into: &maxPending, .range(1...100_000_000),
            "Messages that wait for one subscriber; beyond it publishers wait.")
        section.read(
            "max_waiting", into: &maxWaiting, .range(1...1_000_000),
            "Publications that wait for room; beyond it they fail at once.")
        section.read(
            "publish_timeout", into: &publishTimeout, .range(.milliseconds(1)...(.seconds(600))),
            "How long a publication waits for room before it fails.")
        section.read(
            "max_burst", into: &maxBurst, .range(1...1_000_000),
            "Messages handed to a subscriber at a time.")
    }
}
