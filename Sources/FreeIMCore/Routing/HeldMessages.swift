import NIOCore

/// Messages that wait, in their order and with the changes of channels among them, until the bus has told in which channels
/// some clients are. A message waits for those that were to be told of before it, and for no later ones, so that changes
/// without end do not hold it up. Only on the node's bus loop.
struct HeldMessages {
    /// Messages that wait at the same time, and clients that are waited for, beyond which the longest wait is given up.
    static let limit = 16_384

    private enum Entry {
        /// A client that is to be told of, and the turn in which that began.
        case wait(ClientID, since: UInt64)
        case givenUp
        case held(Envelope)
    }

    /// Begins with a wait.
    private var entries = CircularBuffer<Entry>()
    /// The first entry's; those behind it count on.
    private var firstNumber: UInt64 = 0
    /// The numbers of each client's waits.
    private var waits: [ClientID: [UInt64]] = [:]
    private var waitCount = 0
    private var heldCount = 0
    /// How many changes of each client are held; what was waited for is none.
    private var changes: [ClientID: Int] = [:]
    private var turn: UInt64 = 0

    var isHolding: Bool { waitCount > 0 }
    var isFull: Bool { heldCount >= Self.limit || waitCount >= Self.limit }

    /// What is added from now on waits until the client has been told of.
    mutating func wait(for client: ClientID) {
        waits[client, default: []].append(firstNumber + UInt64(entries.count))
        waitCount += 1
        entries.append(.wait(client, since: turn))
    }

    /// Only while it holds.
    mutating func add(_ envelope: Envelope) {
        heldCount += 1
        entries.append(.held(envelope))
        if let client = Self.changing(envelope) { changes[client, default: 0] += 1 }
    }

    func awaits(_ client: ClientID) -> Bool { waits[client] != nil }

    /// A client that is waited for has been told of. Returns what need not wait any more.
    ///
    /// What it tells counts for all that came behind the change. Of what is known to have changed again, by a later wait or
    /// a change that is held, it may be ahead: channels are then only added in this place, and all of it counts in the last.
    mutating func told(_ exact: MembershipChange) -> [Envelope] {
        guard let number = endWait(for: exact.client) else { return [] }
        let offset = Int(number - firstNumber)
        let changing = channelsChanging(exact.client, behind: offset)
        var here = exact
        if waits[exact.client] != nil || changing != nil {
            let unchanged = exact.channels.filter { changing?.contains($0) != true }
            here = MembershipChange(.present, client: exact.client, channels: unchanged)
        }
        heldCount += 1
        entries[offset: offset] = .held(.membership(here))
        if waits[exact.client] == nil, changing != nil { add(.membership(exact)) }
        return release()
    }

    /// Ends a wait for a client that will not be told of. Returns what need not wait any more.
    mutating func giveUp(_ client: ClientID) -> [Envelope] {
        guard let number = endWait(for: client) else { return [] }
        entries[offset: Int(number - firstNumber)] = .givenUp
        return release()
    }

    /// Ends the longest wait, likewise.
    mutating func giveUpLongest() -> [Envelope] {
        guard case .wait(let client, _)? = entries.first else { return [] }
        return giveUp(client)
    }

    /// Whether the longest wait began that many turns ago, or more.
    func isOverdue(after turns: UInt64) -> Bool {
        guard case .wait(_, let since)? = entries.first else { return false }
        return turn - since >= turns
    }

    mutating func nextTurn() { turn += 1 }

    /// The number of the client's first wait.
    private mutating func endWait(for client: ClientID) -> UInt64? {
        guard var numbers = waits[client] else { return nil }
        let number = numbers.removeFirst()
        waits[client] = numbers.isEmpty ? nil : numbers
        waitCount -= 1
        return number
    }

    private mutating func release() -> [Envelope] {
        var released: [Envelope] = []
        while let entry = entries.first {
            if case .wait = entry { break }
            if case .held(let envelope) = entry {
                heldCount -= 1
                if let client = Self.changing(envelope), let count = changes[client] {
                    changes[client] = count > 1 ? count - 1 : nil
                }
                released.append(envelope)
            }
            entries.removeFirst()
            firstNumber += 1
        }
        return released
    }

    private func channelsChanging(_ client: ClientID, behind offset: Int) -> Set<ChannelName>? {
        guard changes[client] != nil else { return nil }
        var channels: Set<ChannelName>?
        for entry in entries.dropFirst(offset) {
            guard case .held(let envelope) = entry, case .membership(let change) = envelope,
                Self.changing(envelope) == client
            else { continue }
            channels = (channels ?? []).union(change.channels)
        }
        return channels
    }

    private static func changing(_ envelope: Envelope) -> ClientID? {
        guard case .membership(let change) = envelope, change.kind != .exact else { return nil }
        return change.client
    }
}
