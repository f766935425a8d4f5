public import FreeIMCore
import NIOCore
import RedisClient

extension RedisPresence {
    public func connectionCount(of client: ClientID) async throws(PresenceError) -> Int {
        let command = RedisCommand("HGET", store.keys.online(identity.dialect(of: client)), client.field)
        return Self.count(try await store.send(command))
    }

    public func connectionCounts(of clients: [ClientID]) async throws(PresenceError) -> [Int] {
        var counts = Array(repeating: 0, count: clients.count)
        for dialect in identity.dialects {
            let indices = clients.indices.filter { identity.dialect(of: clients[$0]) == dialect }
            guard !indices.isEmpty else { continue }
            let fields = indices.map { clients[$0].field }
            let answer = try await store.send(RedisCommand("HMGET", [store.keys.online(dialect)] + fields))
            guard let values = answer.array, values.count == indices.count else { throw .unexpected(answer) }
            for (index, value) in zip(indices, values) { counts[index] = Self.count(value) }
        }
        return counts
    }

    public func onlineCount() async throws(PresenceError) -> Int {
        let commands = identity.dialects.map { RedisCommand("HLEN", store.keys.online($0)) }
        return try await store.pipeline(commands).map(Self.count).reduce(0, +)
    }

    public func onlineClients() async throws(PresenceError) -> [ClientID] {
        try await clients { store.keys.online($0) }
    }

    public func onlineClients(_ page: PageRequest) async throws(PresenceError) -> Page<ClientID> {
        try await HashPages(store: store) { self.store.keys.online($0) }.page(page) { field, value in
            Self.count(value) > 0 ? ClientID(field) : nil
        }
    }

    public func nodes(of clients: [ClientID]) async throws(PresenceError) -> [[String]] {
        let answer = try await store.run(PresenceScripts.nodes, clients.map(\.field))
        guard let lists = answer.array, lists.count == clients.count else { throw .unexpected(answer) }
        return lists.map { $0.array?.compactMap(\.string) ?? [] }
    }

    // MARK: Channels

    public func members(of channel: ChannelName) async throws(PresenceError) -> [ClientID] {
        try await clients { store.keys.members($0, channel) }
    }

    public func members(
        of channel: ChannelName, _ page: PageRequest
    ) async throws(PresenceError) -> Page<ClientID> {
        try await HashPages(store: store) { self.store.keys.members($0, channel) }.page(page) { field, _ in
            ClientID(field)
        }
    }

    public func memberCount(of channel: ChannelName) async throws(PresenceError) -> Int {
        let commands = identity.dialects.map {
            RedisCommand("HGET", store.keys.channelList($0), .string(channel.text))
        }
        return try await store.pipeline(commands).map(Self.count).reduce(0, +)
    }

    public func channels() async throws(PresenceError) -> [ChannelCount] {
        var counts: [ChannelCount] = []
        for dialect in identity.dialects {
            let answer = try await store.send(RedisCommand("HGETALL", store.keys.channelList(dialect)))
            guard let parts = answer.array else { throw .unexpected(answer) }
            for at in stride(from: 0, to: parts.count - 1, by: 2) {
                guard let name = parts[at].string.flatMap({ ChannelName($0) }) else { continue }
                let members = Self.count(parts[at + 1])
                if let known = counts.firstIndex(where: { $0.channel == name }), dialect != identity.dialects.first {
                    counts[known].members += members
                } else {
                    counts.append(ChannelCount(channel: name, members: members))
                }
            }
        }
        return counts
    }

    /// A channel that has members of both dialects is listed with each.
    public func channels(_ page: PageRequest) async throws(PresenceError) -> Page<ChannelCount> {
        try await HashPages(store: store) { self.store.keys.channelList($0) }.page(page) { field, value in
            ChannelName(field).map { ChannelCount(channel: $0, members: Self.count(value)) }
        }
    }

    public func channels(of client: ClientID) async throws(PresenceError) -> [ChannelName] {
        let answer = try await store.send(RedisCommand("HKEYS", store.keys.channels(of: client)))
        guard let names = answer.array else { throw .unexpected(answer) }
        return names.compactMap { $0.string.flatMap { ChannelName($0) } }
    }

    /// The fields of a hash of each dialect; what is no id of a client is left out.
    private func clients(_ key: (Dialect) -> RedisArgument) async throws(PresenceError) -> [ClientID] {
        var clients: [ClientID] = []
        for dialect in identity.dialects {
            let answer = try await store.send(RedisCommand("HKEYS", key(dialect)))
            guard let fields = answer.array else { throw .unexpected(answer) }
            clients += fields.compactMap { $0.string.flatMap { ClientID($0) } }
        }
        return clients
    }

    /// A number in Redis; what is none counts as 0, as FreeIM reads it.
    static func count(_ value: RedisValue) -> Int { Int(max(0, value.integer ?? 0)) }
}
