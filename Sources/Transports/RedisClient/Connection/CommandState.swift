import NIOCore

/// Decides for a connection that carries commands: which reply belongs to whom, and who has waited too long.
struct CommandState<Target> {
    enum Action {
        case nothing
        /// The reply of a single command.
        case reply(Target, RedisValue)
        /// The replies of a pipeline, complete.
        case replies(Target, [RedisValue])
        /// The connection is of no use.
        case end(RedisError)
    }

    private struct Sent {
        /// Nil for one that nobody waits for, or nobody waits for any more; its replies still take their places.
        var target: Target?
        let count: Int
        let deadline: NIODeadline?
    }

    private var sent = CircularBuffer<Sent>()
    /// The replies of the pipeline at the head of `sent`, as far as they have come.
    private var gathered: [RedisValue] = []
    /// How many at the head of `sent` have been looked at for their deadline, and need not be again.
    private var expired = 0
    /// Those in `sent` that somebody waits for.
    private var targets = 0
    /// Replies that are due.
    private(set) var inFlight = 0

    /// Nobody waits for a reply.
    var isIdle: Bool { targets == 0 }
    /// Replies are due, awaited or not.
    var isOwed: Bool { !sent.isEmpty }

    /// Commands go out whose `count` replies belong together. `target` nil: the replies are dropped.
    mutating func send(_ target: Target?, count: Int, deadline: NIODeadline?) {
        sent.append(Sent(target: target, count: count, deadline: deadline))
        inFlight += count
        if target != nil { targets += 1 }
    }

    /// The next reply.
    mutating func received(_ value: RedisValue) -> Action {
        guard !sent.isEmpty else {
            // As before it closes a connection of its own accord.
            return .end(value.error ?? RedisError(.protocolViolation, "Redis sent a reply that nobody asked for"))
        }
        inFlight -= 1
        let count = sent.first?.count ?? 1
        if count > 1 {
            gathered.append(value)
            guard gathered.count == count else { return .nothing }
        }
        let done = sent.removeFirst()
        let values = gathered
        gathered = []
        expired = max(0, expired - 1)
        guard let target = done.target else { return .nothing }
        targets -= 1
        return count > 1 ? .replies(target, values) : .reply(target, value)
    }

    /// Those who have waited until their deadline; their replies will be dropped.
    mutating func takeExpired(now: NIODeadline) -> [Target] {
        var late: [Target] = []
        while expired < sent.count {
            let index = sent.index(sent.startIndex, offsetBy: expired)
            if let deadline = sent[index].deadline, sent[index].target != nil {
                guard deadline <= now else { break }
                if let target = sent[index].target { late.append(target) }
                sent[index].target = nil
                targets -= 1
            }
            expired += 1
        }
        return late
    }

    /// When to ask for ``takeExpired(now:)`` again. Commands without a deadline may stand before one that has one.
    var nextDeadline: NIODeadline? {
        var index = sent.index(sent.startIndex, offsetBy: expired)
        while index != sent.endIndex {
            if let deadline = sent[index].deadline { return deadline }
            index = sent.index(after: index)
        }
        return nil
    }

    /// The connection is over. Returns those who still wait, in order.
    mutating func end() -> [Target] {
        defer {
            sent.removeAll()
            gathered = []
            inFlight = 0
            targets = 0
            expired = 0
        }
        return sent.compactMap(\.target)
    }
}
