/// Messages that wait, in their order and with the changes of channels among them, until the bus has told in which channels
/// some clients are. Only on the node's bus loop.
struct HeldMessages {
    /// Messages and changes that wait at the same time, beyond which they wait no longer.
    static let limit = 16_384

    /// How often each client is still to be told of.
    private var awaited: [ClientID: Int] = [:]
    private var messages: [Envelope] = []
    /// The channels of changes that wait.
    private(set) var changing: [ClientID: Set<ChannelName>] = [:]
    /// Counts the waits, so that a deadline can tell its own from a later one.
    private(set) var wait: UInt64 = 0

    var isHolding: Bool { !awaited.isEmpty }

    /// False for what is waited for, and what has nothing to do with channels.
    func concerns(_ envelope: Envelope) -> Bool {
        guard isHolding else { return false }
        guard case .membership(let change) = envelope else { return envelope.isMessage }
        return change.kind != .exact || awaited[change.client] == nil
    }

    /// Returns true where nothing was waited for before.
    mutating func hold(_ clients: [ClientID]) -> Bool {
        let isFirst = awaited.isEmpty && !clients.isEmpty
        if isFirst { wait += 1 }
        for client in clients { awaited[client, default: 0] += 1 }
        return isFirst
    }

    /// False where there is no room.
    mutating func add(_ message: Envelope) -> Bool {
        guard messages.count < Self.limit else { return false }
        messages.append(message)
        if case .membership(let change) = message {
            changing[change.client, default: []].formUnion(change.channels)
        }
        return true
    }

    /// A client has been told of. Returns what need not wait any more.
    mutating func told(_ client: ClientID) -> [Envelope] {
        guard let count = awaited[client] else { return [] }
        awaited[client] = count > 1 ? count - 1 : nil
        return awaited.isEmpty ? release() : []
    }

    /// Waits for nobody any more.
    mutating func release() -> [Envelope] {
        awaited = [:]
        changing = [:]
        defer { messages = [] }
        return messages
    }
}
