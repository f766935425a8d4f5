/// The closing account: every promise, checked against the book and the faults' windows.
struct Account {
    /// While Redis' publications may miss a node, from its fault until all nodes said that they are ready.
    struct Window: Equatable {
        let fault: Int
        let reach: Fault.Reach
        /// Whose events may be lost, or come in the wrong order.
        var disturbs = Fault.Reach.nobody
        let from: Double
        let to: Double
        /// Redis came back with less than it had said to have stored.
        var forgets = false

        func reaches(_ node: Int) -> Bool { reach.contains(node) }
        func disturbs(_ node: Int) -> Bool { disturbs.contains(node) }
    }

    var violations: [String] = []
    private(set) var owed = 0
    private(set) var owedReceipts = 0
    private(set) var deliveries = 0
    private(set) var receipts = 0
    /// Receivers of accepted messages that were not owed them, and did not get them.
    private(set) var missedUnconnected = 0
    /// Of these, those in a window, by the number of its fault.
    private(set) var missedInWindow: [Int: Int] = [:]
    let book: Ledger.Book
    let nodes: Int
    let windows: [Window]
    let connections: [Int: [Int]]
    /// Of each node, whether a message came to any of its terminals.
    private var reached: [[Bool]]
    private(set) var missedUnderway = 0
    /// Online after online, or offline after offline, and not a violation.
    var disturbedEvents = 0
    /// Messages with a receipt that came.
    private var arrived: Set<Int> = []

    /// What is written to a connection that ends may be lost with it: TCP has no receipt.
    private static let lastSeconds = 2.0
    /// A message may be accepted by Redis and be on its way to a node when the fault begins.
    static let underway = 0.5
    /// On a busy machine for longer, as far as the node got nothing that its sender sent after it and before the fault.
    private static let longUnderway = 5.0
    /// Memberships of a node that was thought dead are restored so long after it is ready (Cluster.md).
    static let memberships = 3.0

    init(_ book: Ledger.Book, nodes: Int, windows: [Window]) {
        self.book = book
        self.nodes = nodes
        self.windows = windows
        reached = Array(repeating: Array(repeating: false, count: book.messages.count), count: nodes)
        connections = Dictionary(grouping: book.connections.indices) { book.connections[$0].client }
        for index in book.connections.indices { checkOrder(index) }
        checkReceivers()
        checkReceipts()
        checkEvents()
    }

    // MARK: Each connection by itself

    /// Nothing twice, nothing out of order per sender. A message whose call failed may come late, when a Redis that stood
    /// still goes on; the error says that it may have been taken.
    private mutating func checkOrder(_ index: Int) {
        let connection = book.connections[index]
        var seen: Set<Int32> = []
        var last: [Int: Int32] = [:]
        deliveries += connection.received.count
        for text in connection.strange {
            violations.append("client \(connection.client) got '\(text)', which nobody sent")
        }
        for number in connection.received {
            guard Int(number) < book.messages.count else {
                violations.append("client \(connection.client) got m\(number), which nobody sent")
                continue
            }
            let message = book.messages[Int(number)]
            reached[connection.client % nodes][Int(number)] = true
            if !seen.insert(number).inserted { violate("came twice", Int(number), connection.client) }
            guard case .accepted = message.outcome else { continue }
            if let before = last[message.sender], before > number {
                violate("came after m\(before) of the same sender", Int(number), connection.client)
            }
            last[message.sender] = max(last[message.sender] ?? 0, number)
            if !isFor(connection.client, message) { violate("was not for it", Int(number), connection.client) }
            if message.isOfChannel, hasLeft(connection, message) {
                violate("was sent after it had left", Int(number), connection.client)
            }
        }
        var receipted: Set<Int> = []
        receipts += connection.receipts.count
        for receipt in connection.receipts where !receipted.insert(receipt.number).inserted {
            violate("has two receipts", receipt.number, connection.client)
        }
    }

    private func isFor(_ client: Int, _ message: Ledger.Message) -> Bool {
        switch message.kind {
        case .direct(let receivers): receivers.contains(client)
        case .receipted(_, let receiver): receiver == client
        case .channel(let channel): Terminals.channel(of: client) == channel
        case .broadcast: true
        }
    }

    // MARK: Each message and receiver

    private mutating func checkReceivers() {
        var direct: [Int: [Int]] = [:]
        var channels: [Int: [Int]] = [:]
        var broadcasts: [Int] = []
        for (number, message) in book.messages.enumerated() {
            guard case .accepted = message.outcome else { continue }
            switch message.kind {
            case .direct(let receivers): for receiver in receivers { direct[receiver, default: []].append(number) }
            case .receipted(_, let receiver): direct[receiver, default: []].append(number)
            case .channel(let channel): channels[channel, default: []].append(number)
            case .broadcast: broadcasts.append(number)
            }
        }
        for client in connections.keys {
            let received = Set((connections[client] ?? []).flatMap { book.connections[$0].received })
            let mine = (direct[client] ?? []) + (channels[Terminals.channel(of: client)] ?? []) + broadcasts
            for number in mine { check(number, client, isReceived: received.contains(Int32(number))) }
            for number in mine where book.messages[number].isReceipted && received.contains(Int32(number)) {
                arrived.insert(number)
            }
        }
    }

    private mutating func check(_ number: Int, _ client: Int, isReceived: Bool) {
        let message = book.messages[number]
        guard case .accepted(let end) = message.outcome else { return }
        let isThere = isConnected(
            client, from: message.sent, to: latest(end, [client]), memberUntil: message.isOfChannel ? end : nil)
        guard isThere else {
            missedUnconnected += isReceived ? 0 : 1
            return
        }
        if let window = window(client, message, until: end) {
            if !isReceived { missedInWindow[window.fault, default: 0] += 1 }
            return
        }
        if !isReceived, wasUnderway(number, client) {
            missedUnderway += 1
            return
        }
        owed += 1
        if !isReceived { violate("is lost", number, client) }
    }

    /// Whether a fault, or the end of the client's connection, may have met the message on its way.
    private func wasUnderway(_ number: Int, _ client: Int) -> Bool {
        let message = book.messages[number]
        guard case .accepted(let end) = message.outcome else { return false }
        let node = client % nodes
        let starts = windows.filter { $0.reaches(node) }.map(\.from)
        let ends = (connections[client] ?? []).compactMap { book.connections[$0].closed }
        return (starts + ends).contains { moment in
            guard end <= moment, moment <= end + Self.longUnderway else { return false }
            return !book.messages.indices[(number + 1)...].prefix { book.messages[$0].sent < moment }
                .contains { book.messages[$0].sender == message.sender && reached[node][$0] }
        }
    }

    /// When all must have come that was accepted in that moment, unless it is lost: a fault may make it late.
    private func latest(_ accepted: Double, _ clients: [Int]) -> Double {
        let ends = windows.filter { window in
            (window.from - Self.underway...window.to).contains(accepted)
                && clients.contains { window.disturbs($0 % nodes) }
        }
        return max(accepted, ends.map(\.to).max() ?? 0) + Self.lastSeconds
    }

    /// - Parameter memberUntil: nil where it need not be in its channel.
    private func isConnected(_ client: Int, from: Double, to: Double, memberUntil: Double?) -> Bool {
        (connections[client] ?? []).contains { index in
            let connection = book.connections[index]
            guard connection.opened <= from, connection.closed ?? .infinity >= to else { return false }
            guard let memberUntil else { return true }
            return connection.memberships.contains { membership in
                membership.joined ?? .infinity <= from && membership.leaving ?? .infinity >= memberUntil
                    && !isForgotten(membership.joined, of: connection)
            }
        }
    }

    /// Whether a message to its channel was sent between the answer to its leave and its next join. Its node may not have
    /// heard of a leave in a window until then.
    private func hasLeft(_ connection: Ledger.Connection, _ message: Ledger.Message) -> Bool {
        guard case .accepted(let end) = message.outcome else { return false }
        let node = connection.client % nodes
        let leaves = connection.memberships.indices.filter { index in
            guard let left = connection.memberships[index].left, left <= message.sent else { return false }
            let next = connection.memberships.dropFirst(index + 1).first
            return next?.asked ?? .infinity > end
        }
        return leaves.contains { index in
            let left = connection.memberships[index].left
            guard !isForgotten(left, of: connection) else { return false }
            return !windows.contains { window in
                window.reaches(node) && left ?? 0 <= window.to && window.from - Self.underway <= end
                    && message.sent <= window.to + Self.memberships
            }
        }
    }

    /// Whether what was stored in that moment may be unknown to the Redis that came back.
    private func isForgotten(_ moment: Double?, of connection: Ledger.Connection) -> Bool {
        guard let moment else { return true }
        return windows.contains { $0.forgets && ($0.from - Self.underway...$0.to).contains(moment) }
    }

    /// That in which a message to a client may be lost; nil where there is none.
    private func window(_ client: Int, _ message: Ledger.Message, until end: Double) -> Window? {
        windows.first { window in
            let last = window.to + (message.isOfChannel ? Self.memberships : 0)
            return window.reaches(client % nodes) && window.from - Self.underway <= end && message.sent <= last
        }
    }

    // MARK: Receipts

    private mutating func checkReceipts() {
        var told: [Int: [Int: Bool]] = [:]
        for connection in book.connections {
            for receipt in connection.receipts {
                told[connection.client, default: [:]][receipt.number] = receipt.isDelivered
            }
        }
        for (number, message) in book.messages.enumerated() {
            guard case .receipted(let sender, let receiver) = message.kind, case .accepted(let end) = message.outcome
            else { continue }
            let told = told[sender]?[number]
            let isReceived = arrived.contains(number)
            let later = latest(end, [sender, receiver])
            if let told {
                // It may have ended shortly before, and its node not know yet.
                let span = message.sent - Self.lastSeconds...later
                let ended =
                    (connections[receiver] ?? []).contains { span.contains(book.connections[$0].closed ?? .infinity) }
                    || (book.abandoned[receiver] ?? []).contains { $0.overlaps(span) }
                if told, !isReceived, !ended { violate("has a receipt, but did not come", number, receiver) }
                if !told, isReceived { violate("came, but its receipt says offline", number, receiver) }
            }
            guard isConnected(sender, from: message.sent, to: later, memberUntil: nil),
                isConnected(receiver, from: message.sent, to: later, memberUntil: nil),
                window(sender, message, until: later) == nil, window(receiver, message, until: later) == nil
            else { continue }
            owedReceipts += 1
            if told == nil, isReceived { violate("has no receipt", number, receiver) }
        }
    }

    // MARK: Report

    private mutating func violate(_ what: String, _ number: Int, _ client: Int) {
        let message = book.messages.indices.contains(number) ? book.messages[number] : nil
        violations.append(
            "m\(number) \(what), at client \(client) of node \(client % nodes)\n    "
                + "\(message?.description ?? "never sent")\n    "
                + historyText(of: client, around: message?.sent ?? .infinity))
    }

    /// The connections of a client about a moment.
    func historyText(of client: Int, around moment: Double) -> String {
        let all = connections[client] ?? []
        let before = all.prefix { book.connections[$0].opened <= moment }
        let history = (before.suffix(3) + all.dropFirst(before.count).prefix(1)).map { index in
            let connection = book.connections[index]
            let near = connection.memberships.prefix { $0.asked <= moment + 5 }.suffix(3)
            let memberships = near.map { membership in
                "joined \(membership.joined?.inSeconds ?? "never")"
                    + (membership.left.map { ", left \($0.inSeconds)" } ?? "")
            }
            return "\(connection.opened.inSeconds) (\(memberships.joined(separator: ", "))) to "
                + "\(connection.closed?.inSeconds ?? "the end")"
        }
        return "the client's connections: \(history.joined(separator: "; "))"
    }
}

extension Fault.Reach {
    func contains(_ node: Int) -> Bool {
        switch self {
        case .nobody: false
        case .everyone: true
        case .terminals(of: let other): node == other
        }
    }
}

extension Ledger.Message {
    var isReceipted: Bool { if case .receipted = kind { true } else { false } }
    var isOfChannel: Bool { if case .channel = kind { true } else { false } }
}

extension Ledger.Message: CustomStringConvertible {
    var description: String {
        let end =
            switch outcome {
            case .underway: "under way at the end"
            case .accepted(let time): "accepted at \(time.inSeconds)"
            case .failed(let time, let error): "failed at \(time.inSeconds): \(error)"
            }
        let way = sender < Senders.messengers ? "Messenger.redis" : "the API of node \(sender - Senders.messengers)"
        return "\(kind) by sender \(sender), \(way), sent at \(sent.inSeconds), \(end)"
    }
}

extension Double {
    var inSeconds: String { "\((self * 1_000).rounded() / 1_000) s" }
}

extension Account: CustomStringConvertible {
    var description: String {
        let joins = book.connections.reduce(0) { $0 + $1.memberships.count { $0.joined != nil } }
        let leaves = book.connections.reduce(0) { $0 + $1.memberships.count { $0.left != nil } }
        let accepted = book.messages.count { if case .accepted = $0.outcome { true } else { false } }
        return """
            messages: \(book.messages.count) sent, \(accepted) accepted, \(book.messages.count - accepted) failed
            connections: \(book.connections.count); joins: \(joins); leaves: \(leaves)
            events: \(book.events.values.reduce(0) { $0 + $1.count }), \(disturbedEvents) not in turn after a fault
            deliveries: \(deliveries); owed: \(owed); receipts: \(receipts); owed: \(owedReceipts)
            missed, and not owed: \(missedUnconnected) while the receiver was not connected throughout, \
            \(missedInWindow.values.reduce(0, +)) in a window of its node, \
            \(missedUnderway) on the way when a fault came
            """
    }
}
