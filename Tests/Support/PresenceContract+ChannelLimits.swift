public import FreeIMCore
import Testing

/// In how many channels a client may be, and how many members a channel may have.
extension PresenceContract {
    /// Gives a presence that is empty and keeps to limits.
    public typealias MakeWithChannels = @Sendable (ChannelLimits) async throws -> PresenceFixture

    /// A client joins as many channels as it may; a call that wants more changes nothing and tells nobody.
    public static func limitsChannelsOfAClient(_ make: @escaping MakeWithChannels) async throws {
        try await with(channels: 3, make) { world async throws in
            let presence = world.presence
            #expect(try await presence.join(client, channels("x", "y", "x")) == channels("x", "y"))
            _ = try await world.toldAll()
            await expectRefusal(.tooManyChannels) { try await presence.join(client, channels("a", "x", "b")) }
            #expect(try await world.toldAll() == [])
            #expect(try await Set(presence.channels(of: client)) == Set(channels("x", "y")))
            #expect(try await world.allMembers(of: channel("a")) == [])
            #expect(try await presence.join(client, channels("x", "z", "z", "y")) == channels("z"))
            await expectRefusal(.tooManyChannels) { try await presence.join(client, channels("a")) }
            #expect(try await presence.join(client, channels("z", "x")) == [])
            #expect(try await presence.join(other, channels("a", "x")) == channels("a", "x"))
            #expect(try await presence.leave(client, channels("y")) == channels("y"))
            #expect(try await presence.join(client, channels("a")) == channels("a"))
            #expect(
                try await Set(world.allChannels().map { "\($0.channel.text) \($0.members)" }) == ["a 2", "x 2", "z 1"])
        }
    }

    /// A channel has as many members as it may, of all kinds of ids together; who is in it already is not refused.
    public static func limitsMembersOfAChannel(_ make: @escaping MakeWithChannels) async throws {
        let guid = try #require(ClientID("3f2504e0-4f89-41d3-9a0c-0305e82c3301"))
        try await with(members: 2, make) { world async throws in
            let presence = world.presence
            try await presence.join(client, channels("x", "y"))
            try await presence.join(guid, channels("x"))
            _ = try await world.toldAll()
            for refused in [other, ClientID("00000000-0000-0000-0000-000000000001")].compactMap(\.self) {
                await expectRefusal(.channelFull) { try await presence.join(refused, channels("y", "x", "z")) }
            }
            #expect(try await world.toldAll() == [])
            #expect(try await presence.channels(of: other) == [])
            #expect(try await presence.memberCount(of: channel("y")) == 1)
            #expect(try await presence.memberCount(of: channel("z")) == 0)
            #expect(try await presence.join(guid, channels("x", "y")) == channels("y"))
            #expect(try await presence.remove([client], from: channel("x")) == [client])
            #expect(try await presence.join(other, channels("x")) == channels("x"))
            #expect(try await Set(world.allMembers(of: channel("x"))) == [guid, other])
        }
    }

    /// Of many joins at once as many are stored as may be.
    public static func limitsJoinsUnderConcurrency(_ make: @escaping MakeWithChannels) async throws {
        try await with(channels: 7, members: 5, make) { world async throws in
            let presence = world.presence
            let joined = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<40 {
                    group.addTask { await attempt(presence, client, "of one \(number)") }
                    group.addTask { await attempt(presence, ClientID(Int64(100 + number)), "full") }
                }
                return try await group.reduce(0, +)
            }
            #expect(joined == 12)
            #expect(try await presence.channels(of: client).count == 7)
            #expect(try await presence.memberCount(of: channel("full")) == 5)
            #expect(try await world.allMembers(of: channel("full")).count == 5)
            #expect(try await world.allChannels().count == 8)
        }
    }

    /// Without limits there are none.
    public static func joinsWithoutLimits(_ make: @escaping MakeWithChannels) async throws {
        try await with(make) { world async throws in
            let many = try (0..<2_000).map { try channel("\($0)") }
            #expect(try await world.presence.join(client, many).count == many.count)
        }
    }

    private static func attempt(_ presence: any PresenceHook, _ client: ClientID, _ name: String) async -> Int {
        do {
            return try await presence.join(client, channels(name)).count
        } catch let error as PresenceError where error.code == .tooManyChannels || error.code == .channelFull {
            return 0
        } catch {
            Issue.record(error)
            return 0
        }
    }

    private static func expectRefusal(
        _ code: PresenceError.Code, _ join: () async throws -> [ChannelName]
    ) async {
        let error = await #expect(throws: PresenceError.self) { _ = try await join() }
        #expect(error?.code == code)
    }

    private static func with(
        channels: Int = 0, members: Int = 0, _ make: @escaping MakeWithChannels, _ body: (World) async throws -> Void
    ) async throws {
        var limits = ChannelLimits()
        limits.channelsPerClient = channels
        limits.membersPerChannel = members
        try await with({ [limits] in try await make(limits) }, body)
    }
}
