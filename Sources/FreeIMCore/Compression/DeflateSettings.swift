import Metrics

/// How a gateway compresses; the same for all its connections.
package final class DeflateSettings: Sendable {
    /// 1, fast, to 9, small.
    let level: Int
    /// Bytes of a message below which it is sent as it is.
    let threshold: Int
    let metrics: DeflateMetrics

    init(level: Int, threshold: Int, metrics: DeflateMetrics = DeflateMetrics()) {
        self.level = level
        self.threshold = threshold
        self.metrics = metrics
    }
}

/// The windows with which messages are compressed (RFC 7692 §7.1.2.1), in bits. Few, so that a message is compressed a few
/// times at most whatever terminals ask for.
package enum DeflateWindow: UInt8, CaseIterable, Sendable {
    case large = 15
    case medium = 12
    case small = 9

    /// The largest of at most so many bits. nil for 8, which zlib cannot keep to.
    init?(atMost bits: UInt8) {
        guard let window = Self.allCases.first(where: { $0.rawValue <= bits }) else { return nil }
        self = window
    }
}

/// What a connection and its gateway have agreed on.
package struct DeflateAgreement: Sendable {
    let window: DeflateWindow
    let settings: DeflateSettings
}

/// Made once, by the gateway.
struct DeflateMetrics: Sendable {
    /// Connections opened with permessage-deflate.
    let connections: Counter
    /// Messages compressed: each once, or once per window and shard, for all its receivers.
    let compressed: Counter
    /// Their bytes before and after.
    let bytesBefore: Counter
    let bytesAfter: Counter
    /// Messages of terminals that came compressed.
    let inflated: Counter

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        connections = Counter(label: "freeim_gateway_connections_compressing_total", factory: factory)
        compressed = Counter(label: "freeim_gateway_messages_compressed_total", factory: factory)
        bytesBefore = Counter(label: "freeim_gateway_compression_bytes_in_total", factory: factory)
        bytesAfter = Counter(label: "freeim_gateway_compression_bytes_out_total", factory: factory)
        inflated = Counter(label: "freeim_gateway_messages_inflated_total", factory: factory)
    }
}
