import NIOCore

/// Who wants which channel, and what of it Redis has confirmed. Knows no connection.
struct SubscriptionTable {
    /// A subscriber, with what a burst needs to know of it.
    final class Receiver {
        let subscriber: any RedisSubscriber
        /// The last burst in which it got something.
        var burst: UInt64 = 0
        /// Its channels.
        var channels = 0

        init(_ subscriber: any RedisSubscriber) {
            self.subscriber = subscriber
        }
    }

    struct Channel {
        let name: String
        var receivers: [Receiver] = []
        /// SUBSCRIBEs that Redis has yet to confirm.
        var unconfirmed = 0
        /// Redis has confirmed the last SUBSCRIBE, and no UNSUBSCRIBE is behind it.
        var isLive = false
        /// Calls that wait for this channel.
        var calls: [Int] = []
    }

    private struct Call {
        let promise: EventLoopPromise<Void>
        let subscriber: any RedisSubscriber
        let deadline: NIODeadline
        /// What the call brought; taken back where it fails.
        let added: [ByteBuffer]
        var missing: Int
    }

    private(set) var channels: [ByteBuffer: Channel] = [:]
    private var receivers: [ObjectIdentifier: Receiver] = [:]
    private var calls: [Int: Call] = [:]
    private var nextCall = 0
    /// Numbers of calls in the order of their deadlines; some may be over.
    private var deadlines = CircularBuffer<Int>()

    /// Adds subscriptions. Returns the channels that Redis has to be asked for; the promise is kept until they are live.
    mutating func subscribe(
        _ subscriber: any RedisSubscriber, to names: [String], deadline: NIODeadline, promise: EventLoopPromise<Void>
    ) -> [ByteBuffer] {
        let receiver = receivers[ObjectIdentifier(subscriber)] ?? Receiver(subscriber)
        let number = nextCall
        var added: [ByteBuffer] = []
        var wanted: [ByteBuffer] = []
        var missing = 0
        for name in Set(names) {
            let key = ByteBuffer(string: name)
            var channel = channels[key] ?? Channel(name: name)
            if channel.receivers.isEmpty { wanted.append(key) }
            if !channel.receivers.contains(where: { $0 === receiver }) {
                channel.receivers.append(receiver)
                receiver.channels += 1
                added.append(key)
            }
            if !channel.isLive {
                missing += 1
                channel.calls.append(number)
            }
            channels[key] = channel
        }
        if receiver.channels > 0 { receivers[ObjectIdentifier(subscriber)] = receiver }
        guard missing > 0 else {
            promise.succeed()
            return wanted
        }
        nextCall += 1
        calls[number] = Call(
            promise: promise, subscriber: subscriber, deadline: deadline, added: added, missing: missing)
        deadlines.append(number)
        return wanted
    }

    /// Ends subscriptions, nil: all. Returns the channels that nobody wants any more.
    mutating func unsubscribe(_ subscriber: any RedisSubscriber, from names: [ByteBuffer]?) -> [ByteBuffer] {
        guard let receiver = receivers[ObjectIdentifier(subscriber)] else { return [] }
        var unwanted: [ByteBuffer] = []
        for key in names ?? Array(channels.keys) {
            guard var channel = channels[key],
                let index = channel.receivers.firstIndex(where: { $0 === receiver })
            else { continue }
            channel.receivers.remove(at: index)
            receiver.channels -= 1
            if channel.receivers.isEmpty {
                channel.isLive = false
                unwanted.append(key)
            }
            channels[key] = channel
        }
        if receiver.channels == 0 { receivers[ObjectIdentifier(subscriber)] = nil }
        return unwanted
    }

    // MARK: What Redis says

    /// A SUBSCRIBE is on its way.
    mutating func asked(_ key: ByteBuffer) {
        channels[key]?.unconfirmed += 1
    }

    mutating func confirmed(_ key: ByteBuffer) {
        guard var channel = channels[key], channel.unconfirmed > 0 else { return }
        channel.unconfirmed -= 1
        guard channel.unconfirmed == 0, !channel.receivers.isEmpty else {
            channels[key] = channel
            return forget(key)
        }
        channel.isLive = true
        let waiting = channel.calls
        channel.calls = []
        channels[key] = channel
        for number in waiting {
            guard var call = calls[number] else { continue }
            call.missing -= 1
            calls[number] = call.missing > 0 ? call : nil
            if call.missing == 0 { call.promise.succeed() }
        }
    }

    /// Redis refuses. Returns channels that nobody wants any more; those here among them.
    mutating func refused(_ keys: [ByteBuffer], _ error: RedisError) -> [ByteBuffer] {
        var unwanted: [ByteBuffer] = []
        for key in keys {
            channels[key]?.unconfirmed -= 1
            for number in channels[key]?.calls ?? [] { unwanted += fail(number, error) }
        }
        return unwanted
    }

    /// An UNSUBSCRIBE was confirmed, or there is no connection that it would be for.
    mutating func forget(_ key: ByteBuffer) {
        guard let channel = channels[key], channel.receivers.isEmpty, channel.unconfirmed == 0 else { return }
        channels[key] = nil
    }

    /// The connection is gone, and with it all that Redis knew.
    mutating func disconnected() {
        for key in Array(channels.keys) {
            channels[key]?.unconfirmed = 0
            channels[key]?.isLive = false
            forget(key)
        }
    }

    // MARK: Calls

    var nextDeadline: NIODeadline? {
        mutating get {
            while let first = deadlines.first {
                if let call = calls[first] { return call.deadline }
                deadlines.removeFirst()
            }
            return nil
        }
    }

    /// Fails what has waited until its deadline. Returns channels that nobody wants any more.
    mutating func expire(now: NIODeadline, _ error: RedisError) -> [ByteBuffer] {
        var unwanted: [ByteBuffer] = []
        while let deadline = nextDeadline, deadline <= now, let number = deadlines.popFirst() {
            unwanted += fail(number, error)
        }
        return unwanted
    }

    mutating func failAll(_ error: RedisError) {
        for call in calls.values { call.promise.fail(error) }
        calls = [:]
        channels = [:]
        receivers = [:]
    }

    private mutating func fail(_ number: Int, _ error: RedisError) -> [ByteBuffer] {
        guard let call = calls.removeValue(forKey: number) else { return [] }
        call.promise.fail(error)
        for key in call.added { channels[key]?.calls.removeAll { $0 == number } }
        return unsubscribe(call.subscriber, from: call.added)
    }

    // MARK: Messages

    var wanted: [ByteBuffer] { channels.filter { !$0.value.receivers.isEmpty }.map(\.key) }
}
