import Metrics

/// The counters of a client.
struct RedisMetrics: Sendable {
    /// Commands sent.
    let commands = Counter(label: "redis_client_commands_total")
    /// Commands that failed before they were sent: no connection, or no room, until their deadline.
    let unsent = Counter(label: "redis_client_unsent_total")
    /// Messages of subscribed channels.
    let messages = Counter(label: "redis_client_messages_total")
    /// Connections lost, or not made.
    let disconnects = Counter(label: "redis_client_disconnects_total")
}
