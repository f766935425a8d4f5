import Metrics

/// The transport's metrics, made once.
struct RedisTransportMetrics: Sendable {
    /// 1 while the bus carries messages, otherwise 0.
    let up: Gauge
    /// Times that the bus was lost.
    let outages: Counter
    /// Messages that Redis did not take.
    let publishFailures: Counter
    /// Messages handed to inboxes of this node while the bus was lost.
    let direct: Counter
    /// Messages for which an inbox had no room.
    let dropped: Counter

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        up = Gauge(label: "freeim_redis_up", factory: factory)
        outages = Counter(label: "freeim_redis_outages_total", factory: factory)
        publishFailures = Counter(label: "freeim_redis_publish_failures_total", factory: factory)
        direct = Counter(label: "freeim_redis_messages_direct_total", factory: factory)
        dropped = Counter(label: "freeim_redis_messages_dropped_total", factory: factory)
    }
}
