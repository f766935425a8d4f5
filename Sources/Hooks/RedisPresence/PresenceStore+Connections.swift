import FreeIMCore
import NIOCore
import RedisClient

extension PresenceStore {
    /// A client's connections as they ought to be stored.
    struct Row {
        let identity: Identity
        let connections: Int
        /// As the node's index has them.
        let channels: [ChannelName]
        /// In the order in which they opened; empty without a policy.
        let devices: [Device]
    }

    /// A connection that counts for the policy.
    struct Device {
        let connection: ConnectionID
        let device: String?
    }

    /// nil where the incarnation has no lease any more; nothing is stored then.
    func update(
        _ changes: [ConnectionChange], incarnation: String, node: String
    ) async throws(PresenceError) -> [PresenceTransition]? {
        var transitions: [PresenceTransition] = []
        var refused: Set<ConnectionID> = []
        for start in stride(from: 0, to: changes.count, by: Self.changesPerScript) {
            var portion = Array(changes[start..<min(start + Self.changesPerScript, changes.count)])
            if !refused.isEmpty {
                portion.removeAll { $0.kind == .closed && $0.connection.map(refused.contains) == true }
            }
            var arguments: [RedisArgument] = [.string(incarnation), .string(node), .bytes(policy)]
            arguments.reserveCapacity(3 + portion.count * 8)
            for change in portion {
                arguments.append(change.kind == .opened ? "+" : "-")
                arguments += described(change.identity)
                arguments.append(.string(change.connection?.description ?? ""))
                arguments.append(.string(change.identity.device ?? ""))
            }
            let answer = try await run(
                PresenceScripts.update, arguments,
                reading: portion.filter { $0.kind == .opened }.map { keys.channels(of: $0.identity.client) }
            ) { $0.element(2) }
            guard let found = try self.transitions(answer, of: portion) else { return nil }
            transitions += found
            refused.formUnion(found.lazy.compactMap(\.connection))
        }
        return transitions
    }

    /// Connections that one script stores.
    private static let changesPerScript = 256

    /// As ``PresenceScripts/restore``. Where the lease has run out again, that shows with the next renewal.
    func restore(
        _ rows: [Row], incarnation: String, older: String, node: String, isIndexRight: Bool
    ) async throws(PresenceError) -> [PresenceTransition] {
        var arguments: [RedisArgument] = [
            .string(incarnation), .string(node), .string(older), isIndexRight ? "1" : "0", .bytes(policy),
        ]
        for row in rows {
            arguments.append(.integer(row.connections))
            arguments += described(row.identity)
            arguments.append(.bytes(Self.json(row.channels.map(\.text))))
            arguments.append(.bytes(Self.json(row.devices.flatMap { [$0.connection.description, $0.device ?? ""] })))
        }
        let answer = try await run(
            PresenceScripts.restore, arguments, reading: rows.map { keys.channels(of: $0.identity.client) }
        ) { $0.element(2) }
        guard let transitions = try transitions(answer, of: rows.map { ConnectionChange(.opened, $0.identity) }) else {
            throw PresenceError(.unavailable, "the lease ran out while connections were stored anew")
        }
        return transitions
    }

    /// Dialect, id, id as JSON, home, event's body.
    private func described(_ identity: Identity) -> [RedisArgument] {
        let client = identity.client
        return [
            keys.dialect(of: client), client.field, client.json, keys.home(of: client),
            .bytes(PresenceEventBody.encode(identity)),
        ]
    }

    private func transitions(
        _ answer: RedisValue, of changes: [ConnectionChange]
    ) throws(PresenceError) -> [PresenceTransition]? {
        guard let parts = answer.array, let status = parts.first?.string else { throw .unexpected(answer) }
        if status == "lost" { return nil }
        guard parts.count == 3, let rows = parts[1].array else { throw .unexpected(answer) }
        return rows.compactMap { row in
            guard let fields = row.array, fields.count == 3, let number = fields[0].integer.map(Int.init),
                changes.indices.contains(number)
            else { return nil }
            let change = changes[number]
            if let refusal = Self.refusal(fields[1].string, fields[2]) {
                return PresenceTransition(.refused(refusal), change.identity, connection: change.connection)
            }
            let left = fields[2].array?.compactMap { $0.string.flatMap { ChannelName($0) } } ?? []
            return PresenceTransition(fields[1].string == "on" ? .online : .offline, change.identity, left: left)
        }
    }

    private static func refusal(_ word: String?, _ value: RedisValue) -> ConnectionRefusal? {
        switch word {
        case "banned": .banned(.milliseconds(value.integer ?? 0))
        case "limit": .tooManyConnections(limit: Int(value.integer ?? 0))
        default: nil
        }
    }

    func ban(_ client: ClientID, for duration: Duration) async throws(PresenceError) {
        // Rounded up, so that a short ban is not taken for its end.
        let milliseconds = (duration + .microseconds(999)).wholeMilliseconds
        let answer = try await run(
            PresenceScripts.ban, [client.field, .integer(milliseconds), .integer(Self.maximumBans)])
        guard answer.string == "ok" else {
            throw PresenceError(.limitReached, "\(Self.maximumBans) clients are banned already; let some in again")
        }
    }

    private static let maximumBans = 1_000_000

    /// Tells a node of its clients that are connected elsewhere.
    func tellLocations(_ node: String) async throws(PresenceError) {
        var cursor = "0"
        var isFirst = true
        repeat {
            let answer = try await run(
                PresenceScripts.relocate, [.string(node), .string(cursor), isFirst ? "1" : "0"]
            ) { $0.element(1) }
            guard let parts = answer.array, parts.count == 2, let next = parts[0].string else {
                throw .unexpected(answer)
            }
            cursor = next
            isFirst = false
        } while cursor != "0"
    }

    /// Tells a node in which channels clients are. Returns those that are not stored for it, of which it is not told.
    func retell(_ clients: [ClientID], to node: String) async throws(PresenceError) -> [ClientID] {
        var untold: [ClientID] = []
        for start in stride(from: 0, to: clients.count, by: Self.changesPerScript) {
            let portion = Array(clients[start..<min(start + Self.changesPerScript, clients.count)])
            let arguments = portion.flatMap { [keys.dialect(of: $0), $0.field, $0.json] }
            let answer = try await run(
                PresenceScripts.retell, [.string(node)] + arguments, reading: portion.map(keys.channels)
            ) { $0.element(1) }
            guard let numbers = answer.element(0)?.array else { throw .unexpected(answer) }
            untold += numbers.compactMap { $0.integer.map(Int.init) }.filter(portion.indices.contains).map {
                portion[$0]
            }
        }
        return untold
    }

    static func json(_ texts: [String]) -> ByteBuffer {
        var json = ByteBuffer(string: "[")
        for (index, text) in texts.enumerated() {
            if index > 0 { json.writeString(",") }
            JSONText.write(text, into: &json)
        }
        json.writeString("]")
        return json
    }
}
