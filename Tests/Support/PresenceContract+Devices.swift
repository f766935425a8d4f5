public import FreeIMCore
import NIOCore
import Testing

/// Bans, and how many connections a client may have.
extension PresenceContract {
    /// Gives a presence that is empty and keeps to a policy.
    public typealias MakeLimited = @Sendable (DevicePolicy) async throws -> PresenceFixture

    /// Beyond the limit the connections that were stored first are closed, on whatever node, until they are gone.
    public static func closesTheOldest(_ make: @escaping MakeLimited) async throws {
        var policy = DevicePolicy()
        policy.connectionsPerClient = 2
        try await with(policy, make) { world async throws in
            for (number, node) in [(1, "a"), (2, "b")] { try await world.change(.opened, number, node) }
            #expect(try await world.closes("a") + world.closes("b") == [])
            #expect(try await world.change(.opened, 3, "a") == [])
            #expect(try await world.closes("a") == [1])
            #expect(try await world.change(.opened, 4, "b") == [])
            #expect(try await world.closes("a") == [1])
            #expect(try await world.closes("b") == [2])
            for (number, node) in [(1, "a"), (2, "b")] { #expect(try await world.change(.closed, number, node) == []) }
            #expect(try await world.change(.opened, 5, "b") == [])
            #expect(try await world.closes("a") == [3])
            #expect(try await world.closes("b") == [])
            #expect(try await world.presence.connectionCounts(of: [client]) == [3])
        }
    }

    /// Where the new one is denied it is not stored, and its end changes nothing.
    public static func deniesTheNew(_ make: @escaping MakeLimited) async throws {
        var policy = DevicePolicy()
        policy.connectionsPerClient = 1
        policy.reaction = .denyNew
        try await with(policy, make) { world async throws in
            #expect(try await world.change(.opened, 1, "a") == [.online])
            let refused = [PresenceTransition.Kind.refused(.tooManyConnections(limit: 1))]
            #expect(try await world.change(.opened, 2, "b") == refused)
            let both = [world.connection(.opened, 3), world.connection(.closed, 3)]
            #expect(try await world.presence.update(both, on: "a").map(\.kind) == refused)
            #expect(try await world.presence.connectionCounts(of: [client]) == [1])
            #expect(try await world.change(.closed, 1, "a") == [.offline])
            #expect(try await world.change(.opened, 4, "b") == [.online])
            #expect(try await world.closes("a") + world.closes("b") == [])
        }
    }

    /// A class has a limit of its own; others, and connections of no class, do not count for it.
    public static func limitsClasses(_ make: @escaping MakeLimited) async throws {
        var policy = DevicePolicy()
        policy.classes = ["phone": 1, "desk \"top\"": 2]
        try await with(policy, make) { world async throws in
            var number = 0
            for (device, node, closed) in [
                ("phone", "a", []), (nil, "a", []), ("tv", "b", []), ("phone", "b", [1]), ("desk \"top\"", "a", [1]),
                ("tv", "a", [1]), ("desk \"top\"", "b", [1]), ("desk \"top\"", "b", [1, 5]), (nil, "a", [1, 5]),
            ] as [(String?, String, [Int])] {
                number += 1
                try await world.change(.opened, number, node, device: device)
                #expect(try await world.closes("a") == closed.reversed(), "the \(number). connection")
                #expect(try await world.closes("b") == [])
            }
        }
    }

    /// A place that a limit of a class makes free is not one too many of the client.
    public static func combinesLimits(_ make: @escaping MakeLimited) async throws {
        var policy = DevicePolicy()
        policy.connectionsPerClient = 2
        policy.classes = ["phone": 1]
        try await with(policy, make) { world async throws in
            for (number, device, closed) in [(1, nil, []), (2, "phone", []), (3, "phone", [2]), (4, nil, [2, 1])]
                as [(Int, String?, [Int])]
            {
                try await world.change(.opened, number, "a", device: device)
                #expect(try await Set(world.closes("a")) == Set(closed))
            }
        }
    }

    /// Of many connections that open at once on several nodes as many are left as may be.
    public static func limitsUnderConcurrency(_ make: @escaping MakeLimited) async throws {
        for reaction in DevicePolicy.Reaction.allCases {
            var policy = DevicePolicy()
            policy.connectionsPerClient = 3
            policy.reaction = reaction
            try await with(policy, make) { world async throws in
                let refused = try await withThrowingTaskGroup(of: [PresenceTransition.Kind].self) { group in
                    for number in 0..<30 {
                        group.addTask { try await world.change(.opened, number, nodes[number % 2]) }
                    }
                    return try await group.reduce(0) { count, kinds in
                        count + kinds.count { $0 == .refused(.tooManyConnections(limit: 3)) }
                    }
                }
                let closed = try await Set(world.closes("a")).union(world.closes("b"))
                #expect((reaction == .denyNew ? refused : closed.count) == 27)
                #expect((reaction == .denyNew ? closed.count : refused) == 0)
            }
        }
    }

    /// Who is banned is not stored, with the time that is left, and nobody else is concerned.
    public static func bans(_ make: @escaping Make) async throws {
        try await with(make) { world async throws in
            #expect(try await world.change(.opened, 1, "a") == [.online])
            try await world.presence.ban(client, for: .seconds(60))
            let both = [world.connection(.opened, 2), world.connection(.closed, 2), world.connection(.opened, 3)]
            let transitions = try await world.presence.update(both, on: "b")
            #expect(transitions.map(\.connection) == [both[0].connection, both[2].connection])
            for transition in transitions {
                guard case .refused(.banned(let remaining)) = transition.kind else {
                    Issue.record("\(transition)")
                    continue
                }
                #expect(remaining > .seconds(50) && remaining <= .seconds(60))
            }
            #expect(try await world.presence.connectionCounts(of: [client]) == [1])
            #expect(try await world.open(other) == [.online])
            #expect(try await world.change(.closed, 1, "a") == [.offline])
        }
    }

    /// A ban ends when it is lifted, and by itself.
    public static func bansEnd(_ make: @escaping Make) async throws {
        try await with(make) { world async throws in
            try await world.presence.ban(client, for: .zero)
            try await world.presence.ban(client, for: .seconds(3_000_000))
            #expect(try await world.open(client) != [.online])
            try await world.presence.ban(client, for: .zero)
            #expect(try await world.open(client) == [.online])
            // Long enough for a slow machine to see it.
            try await world.presence.ban(other, for: .seconds(2))
            #expect(try await world.open(other) != [.online])
            try await eventually(within: .seconds(30)) { try await world.open(other) == [.online] }
        }
    }

    private static func with(
        _ policy: DevicePolicy, _ make: @escaping MakeLimited, _ body: (World) async throws -> Void
    ) async throws {
        try await with({ try await make(policy) }, body)
    }
}

extension PresenceContract.World {
    func connection(
        _ kind: ConnectionChange.Kind, _ number: Int, device: String? = nil
    ) -> ConnectionChange {
        ConnectionChange(
            kind, Identity(client: PresenceContract.client, device: device),
            connection: ConnectionID(
                epoch: .max, shard: 1, socket: SocketID(index: UInt32(number), generation: .max)))
    }

    @discardableResult
    func change(
        _ kind: ConnectionChange.Kind, _ number: Int, _ node: String, device: String? = nil
    ) async throws -> [PresenceTransition.Kind] {
        try await presence.update([connection(kind, number, device: device)], on: node).map(\.kind)
    }

    /// The numbers of the connections that a node has been told to close since the last time this was asked.
    func closes(_ node: String) async throws -> [Int] {
        try await envelopes(node).flatMap { envelope -> [Int] in
            guard case .forwarded(.close(let command)) = envelope else { return [] }
            #expect(command.client == PresenceContract.client && command.code == .replaced)
            return command.connections.map { Int($0.socket.index) }
        }
    }
}
