import NIOEmbedded
import Synchronization
import Testing

@testable import FreeIMCore

@Suite("Shard: connections that are let go")
struct ShardLeavingTests {
    /// A shard with connections, and whether all of them have been told.
    private final class World {
        let shard = Shard(eventLoop: EmbeddedEventLoop(), number: 0)
        let handshake = RecordingConnection()
        private(set) var connections: [RecordingConnection] = []
        private let done = Counter()

        init(_ count: Int) {
            _ = shard.admit(handshake)
            for client in 0..<count { open(ClientID(Int64(client + 1))) }
        }

        func open(_ client: ClientID) {
            let connection = RecordingConnection()
            shard.open(shard.admit(connection), connection, identity: Identity(client: client))
            connections.append(connection)
        }

        func leave(over ticks: Int) { shard.leave(over: ticks) { [done] in done.add() } }

        var told: Int { connections.count { $0.events.contains(.goAway) } }
        var doneCount: Int { done.count }

        /// How many have been told after each tick.
        func tick(_ count: Int) -> [Int] {
            (0..<count).map { _ in
                shard.tick()
                return told
            }
        }
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    @Test("connections are told a portion per tick, the first at once, and each of them once")
    func portions() {
        let world = World(10)
        world.leave(over: 4)
        #expect(world.told == 2)
        #expect(world.tick(3) == [5, 7, 10])
        #expect(world.doneCount == 1)
        _ = world.tick(3)
        #expect(world.connections.allSatisfy { $0.events == [.goAway] })
        #expect(world.doneCount == 1)
    }

    @Test("fewer connections than ticks are spread over all of them")
    func slow() {
        let world = World(2)
        world.leave(over: 8)
        #expect(world.told == 0)
        #expect(world.tick(7) == [0, 0, 1, 1, 1, 1, 2])
        #expect(world.doneCount == 1)
    }

    @Test("handshakes are ended at once")
    func handshakes() {
        let world = World(10)
        world.leave(over: 100)
        #expect(world.handshake.events == [.goAway])
    }

    @Test("one tick tells all, and a shard without connections has told all", arguments: [0, 7])
    func atOnce(count: Int) {
        let world = World(count)
        world.leave(over: 1)
        #expect(world.told == count)
        #expect(world.doneCount == 1)
    }

    @Test("in a hurry all are told, and that was all")
    func hurry() {
        let world = World(10)
        world.leave(over: 100)
        world.shard.goAwayAll()
        #expect(world.told == 10)
        #expect(world.doneCount == 1)
        _ = world.tick(2)
        #expect(world.doneCount == 1)
    }

    @Test("when all have gone by themselves there is nobody left to tell")
    func gone() {
        let world = World(3)
        world.leave(over: 1_000)
        for index in 1...3 as ClosedRange<UInt32> {
            world.shard.remove(
                SocketID(index: index, generation: 0), identity: Identity(client: ClientID(Int64(index))))
        }
        _ = world.tick(1)
        #expect(world.doneCount == 1)
        #expect(world.told == 0)
    }
}
