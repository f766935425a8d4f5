import NIOCore

/// Decides for a connection that carries commands: which reply belongs to whom, and who has waited too long.
///
/// `greeting` (the handshake is out) -> `ready` -> `over`, or `greeting` -> `over`. `over` stays.
struct CommandState<Target> {
    enum Phase { case greeting, ready, over }

    enum Action {
        case nothing
        /// The handshake is done; commands may be sent.
        case ready
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

    private(set) var phase = Phase.greeting
    private var handshake: Handshake
    private let handshakeDeadline: NIODeadline
    private var liveness: Liveness
    private var sent = CircularBuffer<Sent>()
    /// The replies of the pipeline at the head of `sent`, as far as they have come.
    private var gathered: [RedisValue] = []
    /// How many at the head of `sent` have been looked at for their deadline, and need not be again.
    private var expired = 0
    /// Those in `sent` that somebody waits for.
    private var targets = 0
    /// Replies that are due.
    private(set) var inFlight = 0

    init(_ configuration: RedisClientConfiguration, now: NIODeadline, handshakeDeadline: NIODeadline) {
        handshake = Handshake(configuration)
        self.handshakeDeadline = handshakeDeadline
        liveness = Liveness(configuration, now: now)
        liveness.asked(now: now)
    }

    var greeting: ByteBuffer { handshake.bytes }
    var clientID: Int64? { handshake.clientID }
    /// Nobody waits for a reply.
    var isIdle: Bool { targets == 0 }

    /// Commands go out whose `count` replies belong together. `target` nil: the replies are dropped.
    mutating func send(_ target: Target?, count: Int, deadline: NIODeadline?, now: NIODeadline) {
        sent.append(Sent(target: target, count: count, deadline: deadline))
        inFlight += count
        if target != nil { targets += 1 }
        liveness.asked(now: now)
    }

    /// The next reply.
    mutating func received(_ value: RedisValue) -> Action {
        switch phase {
        case .over: return .nothing
        case .greeting:
            switch handshake.received(value) {
            case .pending: return .nothing
            case .refused(let error): return .end(error)
            case .accepted:
                phase = .ready
                return .ready
            }
        case .ready: return match(value)
        }
    }

    private mutating func match(_ value: RedisValue) -> Action {
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

    /// All bytes of a read have been dealt with.
    mutating func read(now: NIODeadline) {
        liveness.read(now: now, isOwed: phase == .greeting || !sent.isEmpty)
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

    /// What the time asks for.
    func verdict(now: NIODeadline) -> Liveness.Verdict {
        if phase == .greeting { return now >= handshakeDeadline ? .dead : .fine }
        return liveness.verdict(now: now)
    }

    /// When to ask for ``takeExpired(now:)`` and ``verdict(now:)`` again.
    var nextLook: NIODeadline {
        guard phase == .ready else { return handshakeDeadline }
        guard expired < sent.count else { return liveness.nextLook }
        let next = sent[sent.index(sent.startIndex, offsetBy: expired)].deadline
        return min(liveness.nextLook, next ?? .distantFuture)
    }

    /// The connection is over. Returns those who still wait, in order.
    mutating func end() -> [Target] {
        phase = .over
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
