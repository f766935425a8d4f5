import FreeIMMemory
import FreeIMTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import FreeIMCore

@Suite("Node: life, events and trouble")
struct NodeLifeTests {
    private static let group = MultiThreadedEventLoopGroup.singleton

    private func configuration(
        _ identity: NodeIdentity, presence: any PresenceHook = NoPresence(), auth: [any AuthHook] = []
    ) -> NodeConfiguration {
        NodeConfiguration(
            identity: identity, transport: MemoryTransport(eventLoopGroup: Self.group), presence: presence,
            authHooks: auth, eventLoopGroup: Self.group, logger: .silent)
    }

    /// The next events, each in words.
    private func next(_ count: Int, _ iterator: inout EventStream.AsyncIterator) async -> [String] {
        var events: [String] = []
        while events.count < count, let event = await iterator.next() {
            switch event {
            case .online(let identity): events.append("online \(identity.client) \(identity.metadata ?? "-")")
            case .offline(let identity): events.append("offline \(identity.client) \(identity.metadata ?? "-")")
            case .joined(let client, let channels): events.append("joined \(client) \(channels)")
            case .left(let client, let channels): events.append("left \(client) \(channels)")
            case .missed(let count): events.append("missed \(count)")
            }
        }
        return events
    }

    @Test("events tell the first and last connection, with joins and leaves between")
    func firstAndLast() async throws {
        try await NodeWorld.with { world in
            var events = try await world.messenger.events().makeAsyncIterator()
            let first = try await world.open(7, in: 0, metadata: "first")
            let second = try await world.open(7, in: 1, metadata: "second")
            try await world.messenger.join(7, [.named("x"), .named("y")])
            try await world.messenger.leave(7, [.named("x")])
            #expect(await next(3, &events) == ["online 7 first", "joined 7 [x, y]", "left 7 [x]"])
            try await first.close()
            try await eventually { try await world.messenger.connectionCount(of: 7) == 1 }
            try await second.close()
            #expect(await next(2, &events) == ["offline 7 second", "left 7 [y]"])
        }
    }

    @Test("with every_connection, events tell each connection")
    func everyConnection() async throws {
        var eventBus = EventBus()
        eventBus.announce = .everyConnection
        try await NodeWorld.with(features: [Channels(), eventBus]) { world in
            var events = try await world.messenger.events().makeAsyncIterator()
            let first = try await world.open(7, metadata: "1")
            let second = try await world.open(7, metadata: "2")
            try await first.close()
            try await second.close()
            #expect(await next(4, &events) == ["online 7 1", "online 7 2", "offline 7 1", "offline 7 2"])
        }
    }

    @Test("whoever hears that a client is online can send to it")
    func onlineCanBeSentTo() async throws {
        try await NodeWorld.with { world in
            var events = try await world.messenger.events().makeAsyncIterator()
            for number in 1...20 as ClosedRange<Int64> {
                let client = ClientID(number)
                let connection = RecordingConnection()
                world.node.shards[Int(number) % 2].run { shard in
                    shard.open(shard.admit(connection), connection, identity: Identity(client: client))
                }
                #expect(await next(1, &events) == ["online \(client) -"])
                try await world.messenger.send(MessagePayload(text: "hi"), to: [client])
                try await eventually { connection.texts == ["hi"] }
            }
        }
    }

    @Test("connections that close as the node stops are stored before it ends")
    func stopping() async throws {
        let identity = NodeIdentity(name: "a")
        let presence = MemoryPresence(identity: identity, transport: MemoryTransport(eventLoopGroup: Self.group))
        try await NodeWorld.with(presence: presence) { world in
            var connections: [OpenConnection] = []
            for client in 1...50 as ClosedRange<Int64> { connections.append(try await world.open(ClientID(client))) }
            #expect(await presence.onlineCount() == 50)
            for connection in connections { try await connection.close() }
        }
        #expect(await presence.onlineCount() == 0)
    }

    @Test("a node that has run is let go")
    func letGo() async throws {
        weak var node: Node?
        try await NodeWorld.with { world in
            node = world.node
            try await world.open(7).close()
        }
        try await eventually { node == nil }
    }

    @Test("a presence that fails does not end the node")
    func failingPresence() async throws {
        let presence = NoPresence(failure: PresenceError(.unavailable, "away"))
        try await NodeWorld.with(presence: presence) { world in
            let connection = RecordingConnection()
            try await world.node.shards[0].submit { shard in
                shard.open(shard.admit(connection), connection, identity: Identity(client: 7))
            }
            try await world.messenger.send(MessagePayload(text: "hi"), to: [7])
            try await eventually { connection.texts == ["hi"] }
        }
    }

    @Test("a node lets nobody in while too many changes wait for presence")
    func pendingChanges() throws {
        var configuration = configuration(NodeIdentity(name: "a"))
        configuration.maximumPendingChanges = 0
        #expect(try !Node(configuration).acceptsConnections)
        configuration.maximumPendingChanges = 1
        #expect(try Node(configuration).acceptsConnections)
    }

    @Test("a node is ready when it runs, and waiting for that can be cancelled")
    func readiness() async throws {
        let node = try Node(configuration(NodeIdentity(name: "a")))
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await node.ready()
                    return true
                } catch {
                    return !(error is CancellationError)
                }
            }
            group.cancelAll()
            #expect(await group.next() == false)
        }
        try await running([node]) { try await node.ready() }
    }

    @Test("a name that is not among the servers is a conflict that says so")
    func notAServer() {
        let error = #expect(throws: ModuleError.self) {
            try Node(configuration(NodeIdentity(name: "c", servers: ["a", "b"])))
        }
        #expect(error?.code == .conflict)
        #expect(error?.message.contains("'c'") == true && error?.message.contains("a, b") == true)
    }

    @Test("a presence of one process does not serve two nodes")
    func tooManyServers() throws {
        let error = #expect(throws: ModuleError.self) {
            try Node(
                configuration(NodeIdentity(name: "a", servers: ["a", "b"]), presence: NoPresence(maximumNodes: 1)))
        }
        #expect(error?.code == .conflict)
        _ = try Node(configuration(NodeIdentity(name: "a"), presence: NoPresence(maximumNodes: 1)))
    }

    @Test("changes that come shortly after others are stored together, where presence gathers bursts")
    func bursts() async throws {
        let presence = NoPresence(gathersBursts: true)
        let node = try Node(configuration(NodeIdentity(name: "a"), presence: presence))
        func offer(_ clients: ClosedRange<Int64>) {
            for client in clients {
                let change = ConnectionChange(.opened, Identity(client: ClientID(client)))
                let place = SocketID(index: 0, generation: 0)
                #expect(node.changes.offer(PendingChange(change: change, shard: 0, socket: place)))
            }
        }
        let clock = ContinuousClock()
        let begin = clock.now
        let storing = Task { await node.storeChanges() }
        for first in stride(from: Int64(1), to: 10_000, by: 100) {
            offer(first...(first + 99))
            await Task.yield()
        }
        node.changes.finish()
        await storing.value
        let elapsed = begin.duration(to: clock.now)
        #expect(presence.updates.flatMap { $0 } == (1...10_000).map { ClientID(Int64($0)) })
        let pauses = presence.updates.dropLast().map { BurstPace.pause(after: $0.count) }
        #expect(pauses.reduce(.zero, +) <= elapsed)
    }

    @Test("the messenger can do what the node was assembled with")
    func capabilities() throws {
        var configuration = configuration(NodeIdentity(name: "a"))
        #expect(try Node(configuration).messenger.capabilities == [])
        for feature in [Channels(), EventBus()] as [any Feature] { feature.configure(&configuration) }
        #expect(try Node(configuration).messenger.capabilities == [.channels, .events])
        DirectMessages().configure(&configuration)
        #expect(try Node(configuration).messenger.capabilities == .all)
    }
}
