import Metrics
import NIOCore

/// What has come since no further message was at hand, and who is to be told of its end. On its event loop only.
final class Burst {
    private let metrics: RedisMetrics
    /// Those who got something, each once.
    private var receivers: [SubscriptionTable.Receiver] = []
    private var number: UInt64 = 1
    private var messages = 0
    /// Who heard of changed keys.
    private var tracker: (any RedisSubscriber)?

    init(metrics: RedisMetrics) {
        self.metrics = metrics
    }

    func deliver(_ body: ByteBuffer, on channel: SubscriptionTable.Channel) {
        messages += 1
        for receiver in channel.receivers {
            if receiver.burst != number {
                receiver.burst = number
                receivers.append(receiver)
            }
            receiver.subscriber.received(body, on: channel.name)
        }
    }

    func invalidate(_ keys: [ByteBuffer]?, at tracker: any RedisSubscriber) {
        self.tracker = tracker
        tracker.invalidated(keys)
    }

    func end() {
        if messages > 0 {
            metrics.messages.increment(by: messages)
            messages = 0
        }
        for receiver in receivers { receiver.subscriber.burstEnded() }
        if let tracker, !receivers.contains(where: { $0.subscriber === tracker }) { tracker.burstEnded() }
        tracker = nil
        receivers.removeAll(keepingCapacity: true)
        number += 1
    }
}
