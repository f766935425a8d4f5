import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("Shard: delivery")
struct ShardTests {
    private static let channel = ChannelName.named("x")

    /// A shard on a loop of the test's thread, and its connections by name.
    private struct World {
        let loop = EmbeddedEventLoop()
        let shard: Shard
        private(set) var places: [ObjectIdentifier: SocketID] = [:]

        init() { shard = Shard(eventLoop: loop, number: 0) }

        @discardableResult
        mutating func open(
            _ client: ClientID, _ connection: RecordingConnection = RecordingConnection()
        ) -> RecordingConnection {
            let place = shard.admit(connection)
            shard.open(place, connection, identity: Identity(client: client))
            places[ObjectIdentifier(connection)] = place
            return connection
        }

        func close(_ connection: RecordingConnection, _ client: ClientID) {
            guard let place = places[ObjectIdentifier(connection)] else { return }
            shard.remove(place, identity: Identity(client: client))
        }
    }

    private func frames(_ texts: String...) -> ByteBuffer {
        var frames = ByteBuffer()
        for text in texts { Frame.append(.text, ByteBuffer(string: text), to: &frames) }
        return frames
    }

    private func deliver(_ audience: Delivery.Audience, _ text: String) -> ShardCommand {
        .deliver(Delivery(audience: audience, frames: frames(text)))
    }

    private func join(_ client: ClientID, _ kind: MembershipChange.Kind = .joined) -> ShardCommand {
        .apply(MembershipChange(kind, client: client, channels: [Self.channel]))
    }

    @Test("a message reaches all connections of its client, and no others")
    func client() {
        var world = World()
        let one = world.open(7), two = world.open(7), other = world.open(8)
        #expect(world.shard.carryOut([deliver(.client(7), "hi")]) == 2)
        #expect(one.events == [.write(["hi"]), .flush])
        #expect(two.events == [.write(["hi"]), .flush])
        #expect(other.events == [])
    }

    @Test("a message reaches several clients, everyone, or nobody")
    func audiences() {
        var world = World()
        let connections = (1...3).map { world.open(ClientID($0)) }
        let count = world.shard.carryOut([
            deliver(.clients([1, 3, 9]), "some"), deliver(.everyone, "all"), deliver(.client(9), "nobody"),
            deliver(.channel(Self.channel), "nobody"),
        ])
        #expect(count == 5)
        #expect(connections.map(\.texts) == [["some", "all"], ["all"], ["some", "all"]])
    }

    @Test("a socket in its handshake gets nothing")
    func handshake() {
        var world = World()
        let handshake = RecordingConnection()
        let place = world.shard.admit(handshake)
        let connection = world.open(7)
        _ = world.shard.carryOut([deliver(.everyone, "all")])
        #expect(handshake.events == [])
        #expect(connection.texts == ["all"])
        #expect((world.shard.socketCount, world.shard.connectionCount) == (2, 1))
        world.shard.remove(place, identity: nil)
        #expect((world.shard.socketCount, world.shard.connectionCount) == (1, 1))
    }

    @Test("a connection is flushed once per burst, behind all writes")
    func flushes() {
        var world = World()
        let connection = world.open(7)
        _ = world.shard.carryOut([
            join(7), deliver(.client(7), "1"), deliver(.channel(Self.channel), "2"), deliver(.everyone, "3"),
        ])
        #expect(connection.events == [.write(["1"]), .write(["2"]), .write(["3"]), .flush])
        _ = world.shard.carryOut([deliver(.client(7), "4")])
        #expect(connection.events.suffix(2) == [.write(["4"]), .flush])
    }

    @Test("joins and leaves take effect between the messages around them")
    func membership() {
        var world = World()
        let connection = world.open(7)
        let other = world.open(8)
        _ = world.shard.carryOut([
            deliver(.channel(Self.channel), "early"), join(7), deliver(.channel(Self.channel), "in"), join(8, .present),
            deliver(.channel(Self.channel), "both"), join(7, .left), deliver(.channel(Self.channel), "late"),
        ])
        #expect(connection.texts == ["in", "both"])
        #expect(other.texts == ["both", "late"])
    }

    @Test("of a run, a sender gets all but its own messages, and the others get it in one write")
    func exclusions() {
        var world = World()
        let connections = [7, 8, 9].map { world.open(ClientID($0)) }
        var burst = Burst(shards: 1)
        for (text, sender) in [("1", nil), ("2", nil), ("3", 7), ("4", 8), ("5", 7), ("6", nil)]
            as [(String, ClientID?)]
        {
            burst.add(.everyone, ByteBuffer(string: text), excluded: sender)
        }
        let count = world.shard.carryOut(burst.take()[0])
        #expect(connections[0].texts == ["1", "2", "4", "6"])
        #expect(connections[1].texts == ["1", "2", "3", "5", "6"])
        #expect(connections[2].events == [.write(["1", "2", "3", "4", "5", "6"]), .flush])
        #expect(count == 4 + 5 + 6)
        #expect(connections.map(\.flushes) == [1, 1, 1])
    }

    @Test("an excluded sender that is not in the channel changes nothing")
    func excludedOutsider() {
        var world = World()
        let member = world.open(7)
        world.open(8)
        var burst = Burst(shards: 1)
        burst.add(.channel(Self.channel), ByteBuffer(string: "1"), excluded: 8)
        #expect(world.shard.carryOut([join(7)] + burst.take()[0]) == 1)
        #expect(member.texts == ["1"])
    }

    @Test("a client's connections are closed behind what was written before")
    func closing() {
        var world = World()
        let one = world.open(7), two = world.open(7), other = world.open(8)
        _ = world.shard.carryOut([deliver(.client(7), "last"), .close(7, .forcedOffline, reason: "out")])
        for connection in [one, two] {
            #expect(connection.events == [.write(["last"]), .close(.forcedOffline), .flush])
        }
        #expect(other.events == [])
    }

    // MARK: Receipts

    private func receipt(_ client: ClientID) -> ShardCommand {
        .deliver(Delivery(audience: .client(client), frames: frames("hi"), receipt: ReceiptID(value: 5)))
    }

    private func withReceipts(_ body: (inout World, () -> [Bool]) throws -> Void) rethrows {
        var world = World()
        var receipts: [Bool] = []
        world.shard.onReceipt = { id, delivered in
            #expect(id == ReceiptID(value: 5))
            receipts.append(delivered)
        }
        try body(&world) { receipts }
    }

    @Test(
        "a receipt is settled when all writes are, and one success is enough",
        arguments: [[true, false], [false, true]])
    func settled(outcomes: [Bool]) {
        withReceipts { world, receipts in
            let connections = [world.open(7), world.open(7)]
            _ = world.shard.carryOut([receipt(7)])
            #expect(connections.map(\.texts) == [["hi"], ["hi"]])
            for (connection, outcome) in zip(connections, outcomes) {
                #expect(receipts() == [])
                for promise in connection.takePromises() {
                    outcome ? promise.succeed() : promise.fail(ChannelError.ioOnClosedChannel)
                }
            }
            #expect(receipts() == [true])
        }
    }

    @Test("a receipt whose writes all fail says so, as does one without a connection")
    func failed() {
        withReceipts { world, receipts in
            let connection = world.open(7)
            _ = world.shard.carryOut([receipt(7), receipt(8)])
            #expect(receipts() == [false])
            for promise in connection.takePromises() { promise.fail(ChannelError.ioOnClosedChannel) }
            #expect(receipts() == [false, false])
        }
    }

    // MARK: Changes meanwhile

    @Test("a connection that ends by its flush harms no other, and its successor is not flushed for it")
    func endsByFlush() {
        var world = World()
        let successor = RecordingConnection()
        let loop = world.loop
        let shard = NIOLoopBound(world.shard, eventLoop: loop)
        let first = world.open(
            7,
            RecordingConnection(onFlush: {
                shard.value.remove(SocketID(index: 0, generation: 0), identity: Identity(client: 7))
                let place = shard.value.admit(successor)
                shard.value.open(place, successor, identity: Identity(client: 9))
            }))
        let second = world.open(8)
        _ = world.shard.carryOut([deliver(.everyone, "1")])
        #expect(first.events == [.write(["1"]), .flush])
        #expect(second.events == [.write(["1"]), .flush])
        #expect(successor.events == [])
        _ = world.shard.carryOut([deliver(.everyone, "2")])
        #expect(successor.events == [.write(["2"]), .flush])
    }

    @Test("a connection that is gone gets nothing")
    func gone() {
        var world = World()
        let connection = world.open(7)
        _ = world.shard.carryOut([join(7)])
        world.close(connection, 7)
        #expect(world.shard.carryOut([deliver(.channel(Self.channel), "1"), deliver(.everyone, "2")]) == 0)
        #expect(connection.events == [])
        #expect((world.shard.socketCount, world.shard.clientCount, world.shard.channelCount) == (0, 0, 0))
    }
}
