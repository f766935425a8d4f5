public import FreeIMCore
import NIOCore
import NIOPosix
import Testing

/// A presence to be tested, with the bus on which it tells of changes.
public struct PresenceFixture: Sendable {
    /// Serves the nodes ``PresenceContract/nodes``, in that order.
    public var presence: any PresenceHook
    public var bus: any Transport
    public var identity: NodeIdentity

    public init(presence: any PresenceHook, bus: any Transport, identity: NodeIdentity) {
        self.presence = presence
        self.bus = bus
        self.identity = identity
    }
}

/// What every ``PresenceHook`` has to keep. Each function is one test; `make` gives a presence that is empty.
public enum PresenceContract {
    public typealias Make = @Sendable () async throws -> PresenceFixture

    /// The names of the cluster's nodes.
    public static let nodes = ["a", "b"]
    /// A client whose home is node `a`.
    static let client: ClientID = 2
    /// A client whose home is node `b`.
    static let other: ClientID = 3

    // MARK: Connections

    /// A client is online with its first connection, and offline with its last, exactly once.
    public static func announcesFirstAndLast(_ make: Make) async throws {
        try await with(make) { world async throws in
            #expect(try await world.open(client) == [.online])
            #expect(try await world.open(client) == [])
            #expect(try await world.open(client) == [])
            #expect(try await world.close(client) == [])
            #expect(try await world.close(client) == [])
            #expect(try await world.close(client) == [.offline])
            #expect(try await world.open(client) == [.online])
        }
    }

    /// Connections on several nodes count together.
    public static func countsAcrossNodes(_ make: Make) async throws {
        try await with(make) { world async throws in
            #expect(try await world.open(client, on: "a") == [.online])
            #expect(try await world.open(client, on: "b") == [])
            #expect(try await world.close(client, on: "a") == [])
            #expect(try await world.close(client, on: "b") == [.offline])
        }
    }

    /// A transition carries the metadata of the connection that made the difference.
    public static func carriesTheMetadata(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            let first = Identity(client: client, metadata: "first \"\u{1F600}")
            let second = Identity(client: client)
            #expect(
                try await presence.update([.init(.opened, first), .init(.opened, second)], on: "a")
                    == [PresenceTransition(.online, first)])
            #expect(
                try await presence.update([.init(.closed, first), .init(.closed, second)], on: "a")
                    == [PresenceTransition(.offline, second)])
        }
    }

    /// The changes of one call are stored in their order, each one's transition told.
    public static func storesABatchInOrder(_ make: Make) async throws {
        try await with(make) { world async throws in
            let changes: [ConnectionChange] = [
                .init(.opened, Identity(client: client)), .init(.opened, Identity(client: other)),
                .init(.closed, Identity(client: client)), .init(.opened, Identity(client: client)),
                .init(.opened, Identity(client: client)), .init(.closed, Identity(client: other)),
            ]
            let transitions = try await world.presence.update(changes, on: "a")
            #expect(transitions.map(\.identity.client) == [client, other, client, client, other])
            #expect(transitions.map(\.kind) == [.online, .online, .offline, .online, .offline])
            #expect(try await world.presence.connectionCounts(of: [client, other]) == [2, 0])
        }
    }

    /// Of many connections that open at once one makes the client online, of many that close one makes it offline.
    public static func announcesOnceUnderConcurrency(_ make: Make) async throws {
        try await with(make) { world async throws in
            let presence = world.presence
            for kind in [ConnectionChange.Kind.opened, .closed] {
                let transitions = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<40 {
                        group.addTask {
                            let change = ConnectionChange(kind, Identity(client: client))
                            return try await presence.update([change], on: nodes[number % 2]).count
                        }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(transitions == 1)
            }
            #expect(try await presence.onlineCount() == 0)
        }
    }

    /// The end of a connection that is not there changes nothing.
    public static func ignoresUnknownConnections(_ make: Make) async throws {
        try await with(make) { world async throws in
            #expect(try await world.close(client) == [])
            #expect(try await world.open(client, on: "a") == [.online])
            #expect(try await world.close(client, on: "b") == [])
            #expect(try await world.presence.connectionCounts(of: [client]) == [1])
        }
    }

    /// Counts come in the order asked, 0 where a client has no connection.
    public static func countsConnections(_ make: Make) async throws {
        try await with(make) { world async throws in
            try await world.open(client, on: "a")
            try await world.open(client, on: "b")
            try await world.open(other)
            #expect(try await world.presence.connectionCounts(of: [other, 7, client, other]) == [1, 0, 2, 1])
            #expect(try await world.presence.connectionCounts(of: []) == [])
            #expect(try await world.presence.onlineCount() == 2)
        }
    }

    /// Ids that a person takes for one are different clients; every kind of id is possible.
    public static func keepsIDsApart(_ make: Make) async throws {
        try await with(make) { world async throws in
            let ids = try [
                "7", "07", "\u{E9}", "e\u{301}", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "a b", "{x}:*",
            ].map { try #require(ClientID($0)) }
            for id in ids { #expect(try await world.open(id) == [.online]) }
            #expect(try await world.presence.onlineCount() == ids.count)
            #expect(Set(try await world.allOnline()) == Set(ids))
        }
    }

    // MARK: Helpers

    static func with(_ make: Make, _ body: (World) async throws -> Void) async throws {
        let fixture = try await make()
        try await running([fixture.bus, fixture.presence]) {
            try await fixture.bus.ready()
            try await fixture.presence.ready()
            try await body(try await World(fixture))
        }
    }

    static func channel(_ name: String) throws -> ChannelName { try #require(ChannelName(name)) }
    static func channels(_ names: String...) throws -> [ChannelName] { try names.map(channel) }
}
