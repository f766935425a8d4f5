import NIOCore

/// Decides when a silent connection is asked for a sign of life, and when it is given up.
struct Liveness {
    enum Verdict: Equatable {
        case fine
        /// Silent and nothing owed: ask.
        case ask
        /// Silent for too long though an answer is owed.
        case dead
    }

    private let keepAlive: TimeAmount
    private let peerTimeout: TimeAmount
    private var lastRead: NIODeadline
    /// Since when an answer is owed; nil while none is.
    private var owedSince: NIODeadline?

    init(_ configuration: RedisClientConfiguration, now: NIODeadline) {
        keepAlive = TimeAmount(configuration.keepAlive)
        peerTimeout = TimeAmount(configuration.peerTimeout)
        lastRead = now
    }

    /// Bytes came in. `isOwed`: answers are still due behind them.
    mutating func read(now: NIODeadline, isOwed: Bool) {
        lastRead = now
        owedSince = isOwed ? now : nil
    }

    /// A command went out.
    mutating func asked(now: NIODeadline) {
        if owedSince == nil { owedSince = now }
    }

    func verdict(now: NIODeadline) -> Verdict {
        guard nextLook <= now else { return .fine }
        return owedSince == nil ? .ask : .dead
    }

    /// When ``verdict(now:)`` becomes another than `fine`.
    var nextLook: NIODeadline { owedSince.map { $0 + peerTimeout } ?? lastRead + keepAlive }
}
