import NIOCore

/// Who wants which channel, and what of it Redis has confirmed. Knows no connection.
struct SubscriptionTable {
    /// A subscriber, with what a burst needs to know of it.
    final class Receiver {
        let subscriber: any RedisSubscriber
        /// The last burst in which it got something.
        var burst: UInt64 = 0
        /// Its channels, and for what it has each.
        var holds: [ByteBuffer: Hold] = [:]

        init(_ subscriber: any RedisSubscriber) {
            self.subscriber = subscriber
        }
    }

    struct Hold {
        /// Calls that want the channel, in order, and have yet to succeed or fail.
        var calls: [Int] = []
        /// A call has succeeded: the channel stays, whatever becomes of others.
        var isKept = false
    }

    /// Keys are the bytes of names, as Redis compares them: strings are equal in more cases (Unicode).
    struct Channel {
        let name: String
        var receivers: [Receiver] = []
        /// SUBSCRIBEs that Redis has yet to confirm.
        var unconfirmed = 0
        /// Redis has confirmed the last SUBSCRIBE, and no UNSUBSCRIBE is behind it.
        var isLive = false

        /// Redis may have it.
        var isKnown: Bool { isLive || unconfirmed > 0 }
    }

    private struct Call {
        let promise: EventLoopPromise<Void>
        let receiver: Receiver
        let deadline: NIODeadline
        let keys: [ByteBuffer]
        /// Channels that are not live yet.
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
        nextCall += 1
        var keys: [ByteBuffer] = []
        var wanted: [ByteBuffer] = []
        var missing = 0
        for name in names {
            let key = ByteBuffer(string: name)
            guard receiver.holds[key]?.calls.last != number else { continue }
            var channel = channels.removeValue(forKey: key) ?? Channel(name: name)
            if channel.receivers.isEmpty || !channel.isKnown { wanted.append(key) }
            if receiver.holds[key] == nil { channel.receivers.append(receiver) }
            if !channel.isLive { missing += 1 }
            channels[key] = channel
            receiver.holds[key, default: Hold()].calls.append(number)
            keys.append(key)
        }
        if !keys.isEmpty { receivers[ObjectIdentifier(subscriber)] = receiver }
        calls[number] = Call(promise: promise, receiver: receiver, deadline: deadline, keys: keys, missing: missing)
        if missing > 0 { deadlines.append(number) } else { succeed(number) }
        return wanted
    }

    /// Ends subscriptions, nil: all; calls wait for them no longer. Returns the channels to be ended at Redis.
    mutating func unsubscribe(_ subscriber: any RedisSubscriber, from names: [ByteBuffer]?) -> [ByteBuffer] {
        guard let receiver = receivers[ObjectIdentifier(subscriber)] else { return [] }
        var unwanted: [ByteBuffer] = []
        for key in names ?? Array(receiver.holds.keys) {
            guard let hold = receiver.holds[key] else { continue }
            let isLive = channels[key]?.isLive == true
            if leave(receiver, key) { unwanted.append(key) }
            if !isLive { arrived(hold.calls) }
        }
        return unwanted
    }

    /// True where Redis has to be told that nobody wants the channel any more.
    private mutating func leave(_ receiver: Receiver, _ key: ByteBuffer) -> Bool {
        receiver.holds[key] = nil
        if receiver.holds.isEmpty { receivers[ObjectIdentifier(receiver.subscriber)] = nil }
        channels[key]?.receivers.removeAll { $0 === receiver }
        guard let channel = channels[key], channel.receivers.isEmpty else { return false }
        channels[key]?.isLive = false
        forget(key)
        return channel.isKnown
    }

    // MARK: What Redis says

    /// A SUBSCRIBE is on its way.
    mutating func asked(_ key: ByteBuffer) {
        channels[key]?.unconfirmed += 1
    }

    mutating func confirmed(_ key: ByteBuffer) {
        answered(key)
        guard let channel = channels[key], !channel.isKnown else { return }
        channels[key]?.isLive = true
        for receiver in channel.receivers { arrived(receiver.holds[key]?.calls ?? []) }
    }

    /// Redis refuses a SUBSCRIBE of several channels. Returns those to be asked for one by one or in smaller portions: who
    /// wants what is allowed is not to suffer for what is not. Their SUBSCRIBE still counts as unconfirmed.
    mutating func refusedTogether(_ keys: [ByteBuffer]) -> [ByteBuffer] {
        keys.filter { key in
            guard let channel = channels[key] else { return false }
            // Behind another SUBSCRIBE an UNSUBSCRIBE is under way, which a further one would come to stand behind.
            if channel.unconfirmed == 1, !channel.receivers.isEmpty { return true }
            answered(key)
            return false
        }
    }

    /// Redis refuses. Returns channels to be ended at Redis: others that a failed call brought.
    mutating func refused(_ keys: [ByteBuffer], _ error: RedisError) -> [ByteBuffer] {
        var unwanted: [ByteBuffer] = []
        for key in keys {
            answered(key)
            // Where another SUBSCRIBE is under way, its answer decides.
            guard let channel = channels[key], !channel.isKnown else { continue }
            for number in channel.receivers.flatMap({ $0.holds[key]?.calls ?? [] }) { unwanted += fail(number, error) }
        }
        return unwanted
    }

    private mutating func answered(_ key: ByteBuffer) {
        guard let channel = channels[key], channel.unconfirmed > 0 else { return }
        channels[key]?.unconfirmed -= 1
        forget(key)
    }

    /// Where nobody wants the channel and no SUBSCRIBE of it is under way.
    private mutating func forget(_ key: ByteBuffer) {
        guard let channel = channels[key], channel.receivers.isEmpty, channel.unconfirmed == 0 else { return }
        channels[key] = nil
    }

    /// The connection is gone, and with it all that Redis knew: calls wait for all of their channels again.
    mutating func disconnected() {
        for key in Array(channels.keys) {
            channels[key]?.unconfirmed = 0
            channels[key]?.isLive = false
            forget(key)
        }
        for (number, call) in calls {
            calls[number]?.missing = call.keys.count { call.receiver.holds[$0]?.calls.contains(number) == true }
        }
    }

    // MARK: Calls

    /// Calls that have yet to succeed or fail.
    var waiting: Int { calls.count }

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
        deadlines.removeAll()
        channels = [:]
        receivers = [:]
    }

    /// One more of the calls' channels is live, or not wanted any more.
    private mutating func arrived(_ numbers: [Int]) {
        for number in numbers {
            calls[number]?.missing -= 1
            if calls[number]?.missing == 0 { succeed(number) }
        }
    }

    private mutating func succeed(_ number: Int) {
        guard let call = calls.removeValue(forKey: number) else { return }
        for key in call.keys where call.receiver.holds[key]?.calls.contains(number) == true {
            call.receiver.holds[key]?.calls.removeAll { $0 == number }
            call.receiver.holds[key]?.isKept = true
        }
        call.promise.succeed()
    }

    /// Takes back what only this call wanted. Returns channels to be ended at Redis.
    private mutating func fail(_ number: Int, _ error: RedisError) -> [ByteBuffer] {
        guard let call = calls.removeValue(forKey: number) else { return [] }
        var unwanted: [ByteBuffer] = []
        for key in call.keys where call.receiver.holds[key]?.calls.contains(number) == true {
            call.receiver.holds[key]?.calls.removeAll { $0 == number }
            guard let hold = call.receiver.holds[key], hold.calls.isEmpty, !hold.isKept else { continue }
            if leave(call.receiver, key) { unwanted.append(key) }
        }
        call.promise.fail(error)
        return unwanted
    }

    // MARK: Messages

    /// Channels that Redis has to be asked for: after a reconnect, and once in a while where it has refused them.
    var wanted: [ByteBuffer] { channels.filter { !$0.value.receivers.isEmpty && !$0.value.isKnown }.map(\.key) }
}
