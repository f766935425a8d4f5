import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("Shard: sockets and deadlines")
struct ShardLifeTests {
    private func shard() -> Shard { Shard(eventLoop: EmbeddedEventLoop(), number: 0) }

    private func open(_ shard: Shard, _ client: ClientID, _ connection: RecordingConnection) -> SocketID {
        let place = shard.admit(connection)
        shard.open(place, connection, identity: Identity(client: client))
        return place
    }

    @Test("opened and closed connections are told, with whether the client has others")
    func changes() {
        let shard = shard()
        var changes: [String] = []
        shard.onChange = { changes.append("\($0.kind) \($0.identity.client) \($0.remains)") }
        let one = open(shard, 7, RecordingConnection())
        let two = open(shard, 7, RecordingConnection())
        shard.remove(one, identity: Identity(client: 7))
        shard.remove(two, identity: Identity(client: 7))
        shard.remove(shard.admit(RecordingConnection()), identity: nil)
        #expect(changes == ["opened 7 true", "opened 7 true", "closed 7 true", "closed 7 false"])
    }

    @Test("a place is used again, under another generation")
    func reuse() {
        let shard = shard()
        let old = shard.admit(RecordingConnection())
        shard.remove(old, identity: nil)
        let new = shard.admit(RecordingConnection())
        #expect(new.index == old.index)
        #expect(new.generation != old.generation)
    }

    @Test("an id of a place's former socket changes nothing of the present one")
    func stale() {
        let shard = shard()
        let old = open(shard, 7, RecordingConnection())
        shard.remove(old, identity: Identity(client: 7))
        let present = RecordingConnection()
        let place = shard.admit(present)
        shard.remove(old, identity: Identity(client: 7))
        shard.open(old, RecordingConnection(), identity: Identity(client: 9))
        #expect((shard.socketCount, shard.connectionCount) == (1, 0))
        shard.schedule(old, due: 1)
        shard.tick()
        #expect(present.deadlines == [])
        shard.open(place, present, identity: Identity(client: 8))
        shard.remove(old, identity: Identity(client: 8))
        #expect((shard.socketCount, shard.connectionCount, shard.clientCount) == (1, 1, 1))
    }

    @Test("removing twice counts once")
    func twice() {
        let shard = shard()
        let place = open(shard, 7, RecordingConnection())
        for _ in 0..<2 { shard.remove(place, identity: Identity(client: 7)) }
        #expect((shard.socketCount, shard.connectionCount) == (0, 0))
    }

    @Test("a socket is woken at its deadline, and again at the one it names then")
    func deadlines() {
        let shard = shard()
        let connection = RecordingConnection(onDeadline: { $0 < 300 ? $0 + 100 : nil })
        let place = open(shard, 7, connection)
        shard.schedule(place, due: 50)
        for _ in 0..<1_000 { shard.tick() }
        #expect(connection.deadlines == [50, 150, 250, 350])
        #expect(shard.now == 1_000)
    }

    @Test("a socket may go at its deadline")
    func goesAtDeadline() {
        let shard = shard()
        let bound = NIOLoopBound(shard, eventLoop: shard.eventLoop)
        let going = RecordingConnection(onDeadline: { now in
            bound.value.remove(SocketID(index: 0, generation: 0), identity: Identity(client: 7))
            return now + 1
        })
        let staying = RecordingConnection()
        let place = open(shard, 7, going)
        shard.schedule(place, due: 1)
        shard.schedule(place, due: 1)
        shard.schedule(open(shard, 8, staying), due: 1)
        for _ in 0..<5 { shard.tick() }
        #expect(going.deadlines == [1])
        #expect(staying.deadlines == [1])
        #expect(shard.socketCount == 1)
    }

    @Test("going away and aborting reach every socket, in its handshake or open, also while they go")
    func everySocket() {
        let shard = shard()
        let bound = NIOLoopBound(shard, eventLoop: shard.eventLoop)
        let handshake = RecordingConnection(onGoAway: {
            bound.value.remove(SocketID(index: 0, generation: 0), identity: nil)
        })
        _ = shard.admit(handshake)
        let connection = RecordingConnection()
        _ = open(shard, 7, connection)
        shard.goAwayAll()
        shard.abortAll()
        #expect(handshake.events == [.goAway])
        #expect(connection.events == [.goAway, .abort])
    }
}
