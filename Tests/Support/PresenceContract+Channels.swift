import FreeIMCore
import Testing

extension PresenceContract {
    /// `join` returns the channels in which the client was not a member before, online or not.
    public static func joinReturnsWhatChanged(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            #expect(try await presence.join(client, channels("x", "y", "x")) == channels("x", "y"))
            #expect(try await presence.join(client, channels("y", "z")) == channels("z"))
            #expect(try await presence.join(client, channels("x")) == [])
            #expect(try await presence.join(client, []) == [])
            #expect(try await Set(presence.channels(of: client)) == Set(channels("x", "y", "z")))
        }
    }

    /// `leave` returns the channels in which the client was a member.
    public static func leaveReturnsWhatChanged(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            try await presence.join(client, channels("x", "y", "z"))
            #expect(try await presence.leave(client, channels("y", "no", "y", "x")) == channels("y", "x"))
            #expect(try await presence.leave(client, channels("x")) == [])
            #expect(try await presence.leave(other, channels("z")) == [])
            #expect(try await presence.channels(of: client) == channels("z"))
        }
    }

    /// `remove` returns the clients that were members.
    public static func removeReturnsWhatChanged(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            for client in [1, 2, 3] as [ClientID] { try await presence.join(client, channels("x", "y")) }
            #expect(try await presence.remove([3, 9, 1, 3], from: channel("x")) == [3, 1])
            #expect(try await presence.remove([3], from: channel("x")) == [])
            #expect(try await presence.remove([3], from: channel("no")) == [])
            #expect(try await world.allMembers(of: channel("x")) == [2])
            #expect(try await presence.memberCount(of: channel("y")) == 3)
        }
    }

    /// `removeOfflineMembers` takes out who has no connection on any node, and nobody else.
    public static func pruneTakesOutTheOffline(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            for client in 1...30 as ClosedRange<Int64> {
                if client % 3 == 0 { try await world.open(ClientID(client), on: client % 2 == 0 ? "a" : "b") }
                try await presence.join(ClientID(client), channels("x", "y"))
            }
            #expect(try await presence.removeOfflineMembers(of: channel("x")) == 20)
            #expect(try await presence.removeOfflineMembers(of: channel("x")) == 0)
            #expect(try await presence.removeOfflineMembers(of: channel("no")) == 0)
            #expect(try await presence.memberCount(of: channel("x")) == 10)
            #expect(try await presence.memberCount(of: channel("y")) == 30)
            #expect(try await presence.channels(of: 1) == channels("y"))
        }
    }

    /// Counts and lists follow; a channel without members is no channel.
    public static func listsChannelsWithCounts(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            #expect(try await presence.memberCount(of: channel("x")) == 0)
            try await presence.join(client, channels("x", "y"))
            try await presence.join(other, channels("x"))
            #expect(try await presence.memberCount(of: channel("x")) == 2)
            #expect(try await counts(world) == ["x": 2, "y": 1])
            try await presence.leave(client, channels("x", "y"))
            #expect(try await counts(world) == ["x": 1])
            try await presence.remove([other], from: channel("x"))
            #expect(try await counts(world) == [:])
            #expect(try await world.allMembers(of: channel("x")) == [])
        }
    }

    private static func counts(_ world: World) async throws -> [String: Int] {
        Dictionary(uniqueKeysWithValues: try await world.allChannels().map { ($0.channel.text, $0.members) })
    }

    /// Names are compared byte for byte, whatever they hold.
    public static func keepsNamesApart(_ make: Make) async throws {
        try await with(make) { world async throws in
            let long = String(repeating: "n", count: ChannelName.maximumBytes)
            let names = try ["x", "X", " x", "x:y", "*", "\u{E9}", "e\u{301}", "\"", long].map(channel)
            #expect(try await world.presence.join(client, names) == names)
            #expect(try await Set(world.presence.channels(of: client)) == Set(names))
            #expect(try await Set(world.allChannels().map(\.channel)) == Set(names))
        }
    }

    /// The last connection of the cluster, and none before it, takes the client out of its channels, and says so.
    public static func lastConnectionLeavesChannels(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            try await world.open(client, on: "a")
            try await world.open(client, on: "b")
            try await presence.join(client, channels("x", "y"))
            try await presence.join(other, channels("x"))
            #expect(try await presence.update([.init(.closed, Identity(client: client))], on: "a") == [])
            #expect(try await presence.channels(of: client).count == 2)
            let transitions = try await presence.update([.init(.closed, Identity(client: client))], on: "b")
            #expect(transitions.map { Set($0.left) } == [Set(try channels("x", "y"))])
            #expect(try await presence.channels(of: client) == [])
            #expect(try await world.allMembers(of: channel("x")) == [other])
        }
    }

    /// A client that joined while it was offline is still a member when it connects.
    public static func offlineMembershipLasts(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.presence.join(client, channels("x"))
            try await world.open(client)
            #expect(try await world.presence.channels(of: client) == channels("x"))
        }
    }
}
