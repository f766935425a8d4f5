/// Messages that wait, in their order, until the bus has told in which channels some clients are. Only on the node's bus
/// loop.
struct HeldMessages {
    /// Messages that wait at the same time, beyond which they wait no longer.
    static let limit = 16_384

    /// How often each client is still to be told of.
    private var awaited: [ClientID: Int] = [:]
    private var messages: [Envelope] = []
    /// Counts the waits, so that a deadline can tell its own from a later one.
    private(set) var wait: UInt64 = 0

    var isHolding: Bool { !awaited.isEmpty }

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
        defer { messages = [] }
        return messages
    }
}
