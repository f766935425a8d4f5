import NIOCore

/// The life of a connection: whether Redis has accepted it, and whether Redis is still there.
///
/// `greeting` (the handshake is out) -> `ready` -> `over`, or `greeting` -> `over`. `over` stays.
struct Session {
    enum Phase { case greeting, ready, over }

    private(set) var phase = Phase.greeting
    private var handshake: Handshake
    private let handshakeDeadline: NIODeadline
    private var liveness: Liveness

    init(_ configuration: RedisClientConfiguration, now: NIODeadline, handshakeDeadline: NIODeadline) {
        handshake = Handshake(configuration)
        self.handshakeDeadline = handshakeDeadline
        liveness = Liveness(configuration, now: now)
        liveness.asked(now: now)
    }

    var greeting: ByteBuffer { handshake.bytes }
    var clientID: Int64? { handshake.clientID }

    /// Takes a reply while in `greeting`.
    mutating func greeted(_ value: RedisValue) -> Handshake.Outcome {
        let outcome = handshake.received(value)
        if outcome == .accepted { phase = .ready }
        return outcome
    }

    /// A command went out.
    mutating func asked(now: NIODeadline) {
        liveness.asked(now: now)
    }

    /// All bytes of a read have been dealt with. `isOwed`: answers are still due.
    mutating func read(now: NIODeadline, isOwed: Bool) {
        liveness.read(now: now, isOwed: phase == .greeting || isOwed)
    }

    /// What the time asks for.
    func verdict(now: NIODeadline) -> Liveness.Verdict {
        if phase == .greeting { return now >= handshakeDeadline ? .dead : .fine }
        return liveness.verdict(now: now)
    }

    /// When to ask for ``verdict(now:)`` again.
    var nextLook: NIODeadline { phase == .greeting ? handshakeDeadline : liveness.nextLook }

    mutating func end() {
        phase = .over
    }
}
