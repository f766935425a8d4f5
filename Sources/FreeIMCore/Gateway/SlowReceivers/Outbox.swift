import NIOCore

/// What waits for a terminal that reads more slowly than it is sent to. Only on the connection's loop.
///
/// The connection's channel has as much as it may write in one go; all behind that is here, where it can still be dropped.
final class Outbox {
    struct Limits: Equatable {
        let policy: SlowReceiverPolicy
        /// Bytes that may wait, those in the channel among them.
        let bytes: Int
        let age: Tick
    }

    private struct Entry {
        let frames: ByteBuffer
        let since: Tick
        let promise: EventLoopPromise<Void>?
        /// Where a later message of the same channel may take this one's place.
        var channel: ChannelName?

        var cost: Int { frames.readableBytes + Outbox.overhead }
    }

    /// What keeping an entry takes besides its frames, about.
    static let overhead = 96

    private let limits: Limits
    private var entries = CircularBuffer<Entry>()
    /// By channel, the number of the entry that a newer message replaces.
    private var latest: [ChannelName: Int] = [:]
    /// The number of the first entry.
    private var first = 0
    /// RFC 6455 §5.5.3: of several pings only the last has to be answered. They may go ahead of messages.
    private var ping: ByteBuffer?
    private var pong: ByteBuffer?

    /// Whether the channel has something that the kernel does not take.
    var isBlocked = false
    /// What the channel has.
    var channelBytes = 0
    /// Since when the oldest of it has waited.
    var channelSince: Tick = 0
    /// Of the entries.
    private(set) var entryBytes = 0
    /// Whether a limit was passed at which the terminal is to be closed. Nothing is taken any more then.
    private(set) var isOverfull = false
    /// Messages that were dropped.
    private(set) var dropped = 0

    init(_ limits: Limits) {
        self.limits = limits
    }

    var isEmpty: Bool { entries.isEmpty && ping == nil && pong == nil }
    var waitingBytes: Int { isBlocked ? channelBytes + entryBytes : 0 }

    /// Since when the oldest waiting byte has waited.
    var oldest: Tick? { isBlocked ? channelSince : nil }

    /// When a terminal that has not read by then is to be closed.
    var deadline: Tick? { limits.policy.closes ? oldest.map { $0 + limits.age } : nil }

    // MARK: In

    /// Takes whole frames, or drops what does not fit.
    ///
    /// - Parameter promise: only with a single message. Fails where that is dropped.
    func add(_ frames: ByteBuffer, of channel: ChannelName?, promise: EventLoopPromise<Void>?, now: Tick) {
        switch ServerFrames.opcode(of: frames) {
        case .ping: ping = frames
        case .pong: pong = frames
        default: addMessages(frames, of: channel, promise: promise, now: now)
        }
    }

    private func addMessages(
        _ frames: ByteBuffer, of channel: ChannelName?, promise: EventLoopPromise<Void>?, now: Tick
    ) {
        guard !isOverfull else { return drop(frames, promise) }
        switch limits.policy {
        case .close:
            append(Entry(frames: frames, since: now, promise: promise))
        case .dropNewest:
            for frame in ServerFrames(frames) {
                let entry = Entry(frames: frame.standingAlone(), since: now, promise: promise)
                if hasRoom(for: entry, now) { append(entry) } else { drop(frame, promise) }
            }
        case .dropOldest:
            for frame in ServerFrames(frames) {
                append(Entry(frames: frame.standingAlone(), since: now, promise: promise))
                dropOldest(now)
            }
        case .latestPerChannel:
            for frame in ServerFrames(frames) {
                put(Entry(frames: frame.standingAlone(), since: now, promise: promise, channel: channel))
            }
        }
        checkBytes()
    }

    /// After the channel was given something as well.
    func checkBytes() {
        if limits.policy.closes, waitingBytes > limits.bytes { isOverfull = true }
    }

    private func append(_ entry: Entry) {
        entryBytes += entry.cost
        entries.append(entry)
    }

    private func hasRoom(for entry: Entry, _ now: Tick) -> Bool {
        waitingBytes + entry.cost <= limits.bytes && oldest.map { now &- $0 < limits.age } ?? true
    }

    private func dropOldest(_ now: Tick) {
        while let entry = entries.first, waitingBytes > limits.bytes || now &- entry.since >= limits.age {
            dropFirst()
        }
    }

    private func dropFirst() {
        guard let entry = popFirst() else { return }
        drop(entry.frames, entry.promise)
    }

    /// In the place of the channel's last message, so that a channel with many does not wait for ever behind the others.
    private func put(_ entry: Entry) {
        guard let channel = entry.channel else { return append(entry) }
        guard let number = latest[channel] else {
            latest[channel] = first + entries.count
            return append(entry)
        }
        let index = entries.index(entries.startIndex, offsetBy: number - first)
        let old = entries[index]
        entries[index] = Entry(frames: entry.frames, since: old.since, promise: entry.promise, channel: channel)
        entryBytes += entry.cost - old.cost
        drop(old.frames, old.promise)
    }

    private func drop(_ frames: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        dropped += ServerFrames(frames).reduce(0) { count, _ in count + 1 }
        promise?.fail(SlowReceiverError())
    }

    // MARK: Out

    /// What the channel is to write next. Of messages too old for `drop_oldest` none.
    func next(now: Tick) -> (frames: ByteBuffer, since: Tick, promise: EventLoopPromise<Void>?)? {
        if let control = pong.take() ?? ping.take() { return (control, now, nil) }
        if limits.policy == .dropOldest {
            while let entry = entries.first, now &- entry.since >= limits.age { dropFirst() }
        }
        return popFirst().map { ($0.frames, $0.since, $0.promise) }
    }

    private func popFirst() -> Entry? {
        guard let entry = entries.popFirst() else { return nil }
        if let channel = entry.channel, latest[channel] == first { latest[channel] = nil }
        first += 1
        entryBytes -= entry.cost
        // The room of a long queue is not kept.
        if entries.isEmpty { entries = CircularBuffer() }
        return entry
    }

    /// Drops all that waits.
    func dropAll() {
        while !entries.isEmpty { dropFirst() }
        ping = nil
        pong = nil
    }
}

/// The terminal read too slowly for this message.
struct SlowReceiverError: Error {}
