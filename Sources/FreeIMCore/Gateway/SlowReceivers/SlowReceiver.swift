/// A connection of this node that reads too slowly, or did: it has messages waiting, or has lost some.
public struct SlowReceiver: Sendable, Equatable {
    public let client: ClientID
    /// Bytes that wait; 0 where the terminal has caught up.
    public let waitingBytes: Int
    /// How long the oldest of them have waited, to a quarter of a second.
    public let waiting: Duration
    /// Messages that were dropped for this connection.
    public let dropped: Int
}

/// The slow receivers of one node.
public struct SlowReceiverReport: Sendable, Equatable {
    /// Those with most bytes waiting first.
    public var receivers: [SlowReceiver] = []
    /// How many there are, ``receivers`` holding the first of them.
    public var count = 0
    /// Messages that the node's gateways have dropped since it started, those of ended connections among them.
    public var dropped = 0
}

extension Node {
    /// Which terminals of this node cannot keep up.
    ///
    /// - Parameter limit: how many to tell of.
    public func slowReceivers(limit: Int = 100) async throws -> SlowReceiverReport {
        var report = SlowReceiverReport()
        for handle in shards {
            let part = try await handle.submit { $0.slowReceivers(limit: limit) }
            report.receivers += part.receivers
            report.count += part.count
            report.dropped += part.dropped
        }
        report.receivers.sort { $0.waitingBytes > $1.waitingBytes }
        report.receivers = Array(report.receivers.prefix(limit))
        return report
    }
}
