import NIOCore

/// Whether the bus carries messages, as its canaries tell. Decides and knows no clock; ``BusWatch`` acts.
struct BusState {
    enum Phase: Equatable {
        /// Never heard a canary. Becomes `up`, or `lost` when Redis cannot be reached.
        case starting
        /// Heard a canary lately. Becomes `lost`.
        case up
        /// Becomes `up` with the next canary.
        case lost(since: NIODeadline)
        /// The client has been stopped. Final.
        case stopped
    }

    enum Change: Equatable {
        /// The bus was there, or was never reached.
        case lost(reason: String, wasUp: Bool)
        /// `after`: how long it was away; nil at the start, where nobody missed it.
        case up(after: TimeAmount?)
    }

    private(set) var phase = Phase.starting
    private let timeout: TimeAmount
    /// When the first canary was sent since the last was heard. A process that was asleep has sent none, and missed none.
    private var owedSince: NIODeadline?
    /// The last failure that Redis or the network told of.
    private var reason: String?

    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    mutating func sent(now: NIODeadline) {
        if owedSince == nil { owedSince = now }
    }

    mutating func heard(now: NIODeadline) -> Change? {
        let before = phase
        guard before != .stopped else { return nil }
        owedSince = nil
        reason = nil
        phase = .up
        switch before {
        case .starting: return .up(after: nil)
        case .lost(let since): return .up(after: now - since)
        case .up, .stopped: return nil
        }
    }

    /// Without this connection nothing is heard.
    mutating func disconnected(_ reason: String, now: NIODeadline) -> Change? {
        self.reason = reason
        return lose(now: now)
    }

    /// A failure that alone does not mean that the bus is lost.
    mutating func note(_ reason: String) {
        self.reason = reason
    }

    /// To be asked regularly: canaries may be overdue.
    mutating func look(now: NIODeadline) -> Change? {
        guard let owedSince, now - owedSince >= timeout else { return nil }
        return lose(now: now)
    }

    mutating func stop() {
        phase = .stopped
    }

    private mutating func lose(now: NIODeadline) -> Change? {
        guard phase == .starting || phase == .up else { return nil }
        let wasUp = phase == .up
        phase = .lost(since: now)
        return .lost(reason: reason ?? "no message of its own arrived within \(Duration(timeout))", wasUp: wasUp)
    }
}
