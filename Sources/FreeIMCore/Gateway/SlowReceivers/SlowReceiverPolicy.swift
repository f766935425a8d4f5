/// What becomes of a terminal that reads more slowly than it is sent to, once more than the gateway's `max_pending` bytes
/// wait for it, or some for longer than `max_pending_age`.
public enum SlowReceiverPolicy: String, Sendable, CaseIterable, SectionValue {
    /// It is closed with ``CloseCode/slowReceiver``, so that it connects again and catches up: nothing is lost silently.
    case close
    /// The messages that have waited longest are dropped, as far as it takes.
    case dropOldest = "drop_oldest"
    /// Messages are dropped as they come, until there is room again.
    case dropNewest = "drop_newest"
    /// Of each channel only the last message waits, in the place of the one before: for scores, prices, cursors. What is
    /// for clients and for everyone waits as with ``close``.
    case latestPerChannel = "latest_per_channel"

    /// Whether a terminal beyond the limits is closed.
    var closes: Bool { self == .close || self == .latestPerChannel }

    /// Bytes that the channel gets to write in one go. What it has is past dropping.
    func window(maxPending: Int) -> Int {
        min(self == .latestPerChannel ? 16 * 1_024 : 64 * 1_024, maxPending / 4)
    }
}
