import FreeIMMemory
import FreeIMTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import FreeIMCore

@Suite("Connections that presence does not let in, and those that it closes")
struct RefusalTests {
    @Test("a command closes all connections of a client, or one of this process")
    func routed() throws {
        let world = RouterWorld()
        world.open(2, in: 0)
        world.open(2, in: 1)
        world.receive(.forwarded(.close(CloseCommand(2, code: .forcedOffline, reason: ""))))
        #expect(try world.take() == [["close 2 4500"], ["close 2 4500"]])
        let socket = SocketID(index: 9, generation: 1)
        let own = ConnectionID(epoch: 0, shard: 1, socket: socket)
        let others = [
            ConnectionID(epoch: 1, shard: 1, socket: socket), ConnectionID(epoch: 0, shard: 63, socket: socket),
            ConnectionID(epoch: 0, shard: 255, socket: socket),
        ]
        let command = CloseCommand(2, code: .replaced, reason: "", connections: others + [own])
        world.receive(.forwarded(.close(command)))
        #expect(try world.take() == [[], ["close 9 of 2 4501"]])
        world.receive(.forwarded(.close(CloseCommand(3, code: .replaced, reason: "", connections: [own]))))
        #expect(try world.take() == [[], []])
    }

    @Test("a shard closes the connection only while it is that client's")
    func shard() async throws {
        try await NodeWorld.with { world in
            let old = try await world.open(7)
            let new = try await world.open(7)
            let other = try await world.open(8)
            try await old.shard.submit { [places = [old.place, other.place]] shard in
                _ = shard.carryOut(places.map { .closeOne($0, 7, .replaced, reason: "") })
            }
            #expect(old.connection.closeCodes == [.replaced])
            #expect(new.connection.closeCodes == [])
            #expect(other.connection.closeCodes == [])
            try await old.close()
            try await eventually { try await world.messenger.connectionCount(of: 7) == 1 }
            let next = try await world.open(7)
            #expect(next.place.index == old.place.index)
            try await old.shard.submit { [place = old.place] shard in
                _ = shard.carryOut([.closeOne(place, 7, .replaced, reason: "")])
            }
            #expect(next.connection.closeCodes == [])
        }
    }

    @Test("who is banned is refused, never answered, and has never been online", arguments: [true, false])
    func refused(isAlone: Bool) async throws {
        try await NodeWorld.with { world in
            if !isAlone { _ = try await world.open(7) }
            var events = try await world.messenger.events().makeAsyncIterator()
            try await world.messenger.forceOffline(7, ban: .seconds(60))
            let connection = RecordingConnection()
            let handle = world.node.shards[1]
            let place = try await handle.submit { shard in
                let place = shard.admit(connection)
                shard.open(place, connection, identity: Identity(client: 7))
                return place
            }
            try await eventually { connection.closeCodes.contains(.forcedOffline) }
            #expect(!connection.events.contains(.answer))
            try await handle.submit { $0.remove(place, identity: Identity(client: 7)) }
            _ = try await world.open(8)
            #expect(await events.next() == .online(Identity(client: 8)))
            #expect(try await world.messenger.connectionCount(of: 7) == (isAlone ? 0 : 1))
        }
    }

    @Test("the end of a refused connection is forgotten once it has come, in the same changes or later")
    func forgotten() {
        func change(_ kind: ConnectionChange.Kind, _ number: UInt32) -> PendingChange {
            let socket = SocketID(index: number, generation: 0)
            let connection = ConnectionID(epoch: 1, shard: 0, socket: socket)
            return PendingChange(
                change: ConnectionChange(kind, Identity(client: 7), connection: connection), shard: 0, socket: socket)
        }
        var refused = RefusedConnections()
        let first = refused.takeOut([change(.opened, 1), change(.opened, 2), change(.closed, 2), change(.opened, 3)])
        #expect(first.count == 4)
        let transitions = first.prefix(2).map {
            PresenceTransition(.refused(.banned(.seconds(1))), $0.change.identity, connection: $0.change.connection)
        }
        refused.note(transitions, among: first)
        #expect(refused.latest.count == 2)
        #expect(refused.letIn(first).map(\.socket.index) == [3])
        #expect(refused.takeOut([change(.closed, 1), change(.closed, 3)]).map(\.socket.index) == [3])
        #expect(refused.latest.isEmpty)
        #expect(refused.takeOut([change(.closed, 1), change(.closed, 2)]).count == 2)
    }
}
