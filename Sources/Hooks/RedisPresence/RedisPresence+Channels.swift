public import FreeIMCore
import NIOCore
import RedisClient

extension RedisPresence {
    public func ban(_ client: ClientID, for duration: Duration) async throws(PresenceError) {
        try await store.ban(client, for: duration)
    }

    public func join(_ client: ClientID, _ channels: [ChannelName]) async throws(PresenceError) -> [ChannelName] {
        guard !channels.isEmpty else { return [] }
        let call = MembershipCall(kind: .joined, client: client, channels: channels)
        return try await carryOut([call]).first ?? []
    }

    public func leave(_ client: ClientID, _ channels: [ChannelName]) async throws(PresenceError) -> [ChannelName] {
        guard !channels.isEmpty else { return [] }
        let call = MembershipCall(kind: .left, client: client, channels: channels)
        return try await carryOut([call]).first ?? []
    }

    public func remove(
        _ clients: [ClientID], from channel: ChannelName
    ) async throws(PresenceError) -> [ClientID] {
        var removed: [ClientID] = []
        for start in stride(from: 0, to: clients.count, by: Self.clientsPerTransaction) {
            let portion = Array(clients[start..<min(start + Self.clientsPerTransaction, clients.count)])
            let changed = try await carryOut(
                portion.map { MembershipCall(kind: .left, client: $0, channels: [channel]) })
            removed += zip(portion, changed).filter { !$0.1.isEmpty }.map(\.0)
        }
        return removed
    }

    private static let clientsPerTransaction = 200

    public func removeOfflineMembers(of channel: ChannelName) async throws(PresenceError) -> Int {
        var count = 0
        for dialect in identity.dialects {
            let answer = try await store.send(RedisCommand("HKEYS", store.keys.members(dialect, channel)))
            let clients = answer.array?.compactMap { $0.string.flatMap { ClientID($0) } } ?? []
            for start in stride(from: 0, to: clients.count, by: Self.clientsPerTransaction) {
                let portion = clients[start..<min(start + Self.clientsPerTransaction, clients.count)]
                let arguments = portion.flatMap { [$0.field, $0.json, store.keys.home(of: $0)] }
                let answer = try await store.run(
                    PresenceScripts.prune, [.string(dialect.rawValue), .string(channel.text)] + arguments
                ) { $0.element(1) }
                guard let parts = answer.array, parts.count == 2 else { throw .unexpected(answer) }
                count += Self.count(parts[0])
            }
        }
        return count
    }

    /// A join or leave of one client.
    private struct MembershipCall {
        let kind: MembershipChange.Kind
        let client: ClientID
        let channels: [ChannelName]
    }

    /// Tells and stores, in one transaction. Returns the channels that changed, by call.
    ///
    /// What stores is FreeIM's own script as ImHelper sends it, once for each channel; it does not return what it
    /// changed, so the script in front of it, which tells the nodes, looks.
    private func carryOut(_ calls: [MembershipCall]) async throws(PresenceError) -> [[ChannelName]] {
        var commands = [RedisCommand("MULTI")]
        var announcements: [Int] = []
        for call in calls {
            announcements.append(commands.count - 1)
            commands.append(announcement(of: call))
            commands += call.channels.map { storing(call.kind, call.client, $0) }
            if limits(of: call.kind) != nil { commands.append(unmarking(call.client, call.channels)) }
        }
        commands.append(RedisCommand("EXEC"))
        let places = announcements
        let replies = try await store.pipeline(commands) { replies in
            places.map { replies.last?.element($0)?.element(1) }
        }
        guard let results = replies.last?.array, results.count == commands.count - 2 else {
            throw .unexpected(replies.last ?? .null)
        }
        if let error = results.lazy.compactMap(\.error).first { throw PresenceError(redis: error) }
        var changed: [[ChannelName]] = []
        for (index, call) in zip(announcements, calls) {
            guard let parts = results[index].array, parts.count >= 2 else { throw .unexpected(results[index]) }
            if parts.count > 2 { throw refusal(of: call, parts[2]) }
            changed.append(parts[0].array?.compactMap { $0.string.flatMap { ChannelName($0) } } ?? [])
        }
        return changed
    }

    private func announcement(of call: MembershipCall) -> RedisCommand {
        let client = call.client
        let limits = limits(of: call.kind)
        let arguments =
            [
                .string(call.kind.rawValue), store.keys.dialect(of: client), client.field, client.json,
                store.keys.home(of: client), .integer(limits?.channelsPerClient ?? 0),
                .integer(limits?.membersPerChannel ?? 0),
            ] + call.channels.map { RedisArgument.string($0.text) }
        // By its source: in a transaction a missing script could not be sent again.
        return RedisCommand(
            "EVAL", [.string(PresenceScripts.announce.source), "0"] + store.arguments(arguments))
    }

    /// What may refuse the call; nil where nothing does.
    private func limits(of kind: MembershipChange.Kind) -> ChannelLimits? {
        kind == .joined && store.configuration.channels.isActive ? store.configuration.channels : nil
    }

    private func unmarking(_ client: ClientID, _ channels: [ChannelName]) -> RedisCommand {
        let dialect = identity.dialect(of: client)
        return RedisCommand(
            "EVAL",
            [.string(PresenceScripts.unmark), "0", client.field] + channels.map { store.keys.members(dialect, $0) })
    }

    private func refusal(of call: MembershipCall, _ reached: RedisValue) -> PresenceError {
        let limits = store.configuration.channels
        let error: PresenceError
        switch reached.element(0)?.string {
        case "client": error = .tooManyChannels(call.client, limit: limits.channelsPerClient)
        case "channel":
            guard let channel = reached.element(1)?.string.flatMap({ ChannelName($0) }) else {
                return .unexpected(reached)
            }
            error = .channelFull(channel, limit: limits.membersPerChannel)
        default: return .unexpected(reached)
        }
        store.metrics.refusedJoins.count(error)
        return error
    }

    private func storing(_ kind: MembershipChange.Kind, _ client: ClientID, _ channel: ChannelName) -> RedisCommand {
        let dialect = identity.dialect(of: client)
        let script = kind == .joined ? PresenceScripts.freeIMJoin : PresenceScripts.freeIMLeave
        return RedisCommand(
            "EVAL", .string(script), "3", store.keys.members(dialect, channel), store.keys.channels(of: client),
            store.keys.channelList(dialect), client.field, .string(channel.text))
    }
}
