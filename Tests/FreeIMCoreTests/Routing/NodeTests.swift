import FreeIMMemory
import FreeIMTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import FreeIMCore

/// A running node of two shards, with connections that record.
struct NodeWorld {
    let node: Node
    let group: any EventLoopGroup
    var messenger: Messenger { node.messenger }

    static func with(
        features: [any Feature] = [DirectMessages(), Channels(), EventBus()], presence: (any PresenceHook)? = nil,
        _ body: (NodeWorld) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let result: Result<Void, any Error>
        do {
            let identity = NodeIdentity(name: "a")
            let transport = MemoryTransport(eventLoopGroup: group)
            let configuration = NodeConfiguration(
                identity: identity, transport: transport,
                presence: presence ?? MemoryPresence(identity: identity, transport: transport), authHooks: [],
                features: features, eventLoopGroup: group, logger: .silent)
            let node = try Node(configuration)
            result = .success(
                try await running(node.services()) {
                    try await node.ready()
                    try await body(NodeWorld(node: node, group: group))
                })
        } catch {
            result = .failure(error)
        }
        try await group.shutdownGracefully()
        try result.get()
    }

    /// Opens a connection; returns when presence has stored it.
    func open(_ client: ClientID, in shard: Int = 0, metadata: String? = nil) async throws -> OpenConnection {
        let before = try await messenger.connectionCount(of: client)
        let connection = RecordingConnection()
        let handle = node.shards[shard]
        let identity = Identity(client: client, metadata: metadata)
        let place = try await handle.submit { shard in
            let place = shard.admit(connection)
            shard.open(place, connection, identity: identity)
            return place
        }
        try await eventually { try await messenger.connectionCount(of: client) == before + 1 }
        // And the node's index: what presence told it of the client is behind us now.
        try await node.eventLoop.submit {}.get()
        return OpenConnection(connection: connection, place: place, shard: handle, identity: identity)
    }
}

struct OpenConnection {
    let connection: RecordingConnection
    let place: SocketID
    let shard: ShardHandle
    let identity: Identity
    var texts: [String] { connection.texts }

    func close() async throws {
        try await shard.submit { [place, identity] in $0.remove(place, identity: identity) }
    }

    func wait(for count: Int) async throws {
        try await eventually { connection.texts.count >= count }
    }
}

@Suite("Node: from the messenger to the connections")
struct NodeTests {
    private func json(_ text: String) -> MessagePayload { MessagePayload(text: text) }

    @Test("a connection is answered when presence has stored it")
    func answered() async throws {
        try await NodeWorld.with { world in
            let connection = try await world.open(7, in: 1).connection
            try await eventually { connection.events == [.answer] }
        }
    }

    @Test("a message reaches all connections of its receivers, on whatever loops")
    func direct() async throws {
        try await NodeWorld.with { world in
            let phone = try await world.open(7, in: 0)
            let desk = try await world.open(7, in: 1)
            let other = try await world.open(8, in: 1)
            try await world.messenger.send(json("one"), to: [7])
            try await world.messenger.send(json("two"), to: [8, 7])
            for connection in [phone, desk] {
                try await connection.wait(for: 2)
                #expect(connection.texts == ["one", "two"])
            }
            try await other.wait(for: 1)
            #expect(other.texts == ["two"])
        }
    }

    @Test("join, message, leave, message, one call after the other: the client gets exactly what was sent meanwhile")
    func joinAndLeave() async throws {
        try await NodeWorld.with { world in
            let connections = [try await world.open(7, in: 0), try await world.open(7, in: 1)]
            let messenger = world.messenger
            let channel = ChannelName.named("x")
            for round in 0..<20 {
                try await messenger.send(json("before \(round)"), toChannel: channel)
                try await messenger.join(7, [channel])
                try await messenger.send(json("in \(round)"), toChannel: channel)
                try await messenger.leave(7, [channel])
                try await messenger.send(json("after \(round)"), toChannel: channel)
            }
            try await messenger.send(json("end"), to: [7])
            for connection in connections {
                try await connection.wait(for: 21)
                #expect(connection.texts == (0..<20).map { "in \($0)" } + ["end"])
            }
        }
    }

    @Test("a client that joined before it connected gets its channels' messages from its first moment")
    func joinedBefore() async throws {
        try await NodeWorld.with { world in
            let channel = ChannelName.named("x")
            try await world.messenger.join(7, [channel])
            let connection = try await world.open(7, in: 1)
            try await world.messenger.send(json("hi"), toChannel: channel)
            try await connection.wait(for: 1)
            #expect(connection.texts == ["hi"])
        }
    }

    @Test("the last connection takes the client out of its channels, for its next one too")
    func leavesWithTheLast() async throws {
        try await NodeWorld.with { world in
            let channel = ChannelName.named("x")
            let first = try await world.open(7, in: 0)
            let second = try await world.open(7, in: 1)
            try await world.messenger.join(7, [channel])
            try await first.close()
            try await eventually { try await world.messenger.connectionCount(of: 7) == 1 }
            #expect(try await world.messenger.channels(of: 7) == [channel])
            try await second.close()
            try await eventually { try await world.messenger.channels(of: 7).isEmpty }
            let third = try await world.open(7, in: 0)
            try await world.messenger.send(json("channel"), toChannel: channel)
            try await world.messenger.send(json("end"), to: [7])
            try await third.wait(for: 1)
            #expect(third.texts == ["end"])
        }
    }

    @Test("a broadcast reaches every connection")
    func broadcast() async throws {
        try await NodeWorld.with { world in
            var connections: [OpenConnection] = []
            for number in 0..<6 {
                connections.append(try await world.open(ClientID(Int64(number + 1)), in: number % 2))
            }
            try await world.messenger.broadcast(json("all"))
            for connection in connections { try await connection.wait(for: 1) }
            #expect(connections.allSatisfy { $0.texts == ["all"] })
        }
    }

    @Test("a sender gets a receipt per receiver on its own connections")
    func receipts() async throws {
        try await NodeWorld.with { world in
            let sender = try await world.open(7, in: 0)
            let receiver = try await world.open(8, in: 1)
            try await world.messenger.send(json("hi"), from: 7, to: [8, 9], receipt: true)
            try await receiver.wait(for: 1)
            for promise in receiver.connection.takePromises() { promise.succeed() }
            try await sender.wait(for: 2)
            #expect(
                Set(sender.texts) == [
                    #"{"content":"hi","receipt":"\#(DirectMessages().deliveredText)"}"#,
                    #"{"content":"hi","receipt":"\#(DirectMessages().offlineText)"}"#,
                ])
        }
    }

    @Test("force offline closes the client's connections on all loops")
    func forceOffline() async throws {
        try await NodeWorld.with { world in
            let connections = [try await world.open(7, in: 0), try await world.open(7, in: 1)]
            let other = try await world.open(8, in: 0)
            try await world.messenger.forceOffline(7)
            for connection in connections {
                try await eventually { connection.connection.closeCodes == [.forcedOffline] }
            }
            #expect(other.connection.closeCodes == [])
        }
    }

    @Test("messages of one sender arrive in order at every connection, however many are under way")
    func order() async throws {
        try await NodeWorld.with { world in
            let channel = ChannelName.named("x")
            var connections: [OpenConnection] = []
            for number in 0..<4 {
                let client = ClientID(Int64(number + 1))
                connections.append(try await world.open(client, in: number % 2))
                try await world.messenger.join(client, [channel])
            }
            let subject = world.node.identity.subjects.server("a")
            for number in 0..<500 {
                let body = EnvelopeCodec.encode(.channel("\(number)", from: 1))
                _ = world.node.configuration.transport.publish([BusMessage(subject: subject, body: body)])
            }
            for connection in connections.dropFirst() {
                try await connection.wait(for: 500)
                #expect(connection.texts == (0..<500).map(String.init))
                // Bursts, not messages, are flushed.
                #expect(connection.connection.flushes < 500)
            }
            #expect(connections[0].texts.isEmpty)
        }
    }
}
