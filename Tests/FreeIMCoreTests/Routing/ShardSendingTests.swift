import FreeIMTestSupport
import Foundation
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

#if canImport(Glibc)
    import Glibc
#endif

/// Two connected sockets.
private final class SocketPair {
    let near: Int32
    let far: Int32

    init() throws {
        var pair: [Int32] = [0, 0]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        (near, far) = (pair[0], pair[1])
    }

    deinit {
        close(near)
        close(far)
    }

    /// What has arrived so far.
    func received() -> [UInt8] {
        var all: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while case let count = recv(far, &bytes, bytes.count, Int32(MSG_DONTWAIT)), count > 0 {
            all += bytes[..<count]
        }
        return all
    }

    func texts() throws -> [String] {
        var bytes = ByteBuffer(bytes: received())
        return try ServerFrame.read(&bytes).map { String(decoding: $0.payload, as: UTF8.self) }
    }
}

@Suite("Shard: sending past the connections")
struct ShardSendingTests {
    private struct World<Socket: Connection> {
        let loop = EmbeddedEventLoop()
        let shard: Shard
        let connection: Socket
        let place: SocketID
        let sockets: SocketPair

        init(_ connection: Socket = RecordingConnection()) throws {
            self.connection = connection
            shard = Shard(eventLoop: loop, number: 0)
            sockets = try SocketPair()
            place = shard.admit(connection)
            shard.open(place, connection, identity: Identity(client: 7))
            shard.setHandle(SocketHandle(descriptor: sockets.near), of: place)
        }

        func carryOut(_ commands: ShardCommand...) { _ = shard.carryOut(commands) }
    }

    /// Carries out bursts until the socket is full, and returns what they had for the connection.
    ///
    /// - Parameter burst: gets the number of the next text, and returns the texts of a burst with its commands.
    private func fill(
        _ world: World<ByteConnection>, _ burst: (Int) -> (texts: [String], commands: [ShardCommand])
    ) -> [String] {
        var sent: [String] = []
        while world.connection.flushes == 0, sent.count < 10_000 {
            let (texts, commands) = burst(sent.count)
            sent += texts
            _ = world.shard.carryOut(commands)
        }
        return sent
    }

    /// What has arrived, and behind it what the connection was to write.
    private func allTexts(_ world: World<ByteConnection>) throws -> [String] {
        var bytes = ByteBuffer(bytes: world.sockets.received())
        bytes.writeImmutableBuffer(world.connection.written)
        return try ServerFrame.read(&bytes).map { String(decoding: $0.payload, as: UTF8.self) }
    }

    private func longText(_ number: Int, _ bytes: Int = 50_000) -> String {
        "\(number) " + String(repeating: "x", count: bytes)
    }

    private func deliver(_ text: String, receipt: ReceiptID? = nil) -> ShardCommand {
        let frames = Frame.make(.text, ByteBuffer(string: text), allocator: ByteBufferAllocator())
        return .deliver(Delivery(audience: .client(7), frames: frames, receipt: receipt))
    }

    @Test("a connection's only buffer of a burst goes over its socket, burst after burst")
    func single() throws {
        let world = try World()
        world.carryOut(deliver("one"))
        world.carryOut(deliver("two"))
        #expect(try world.sockets.texts() == ["one", "two"])
        #expect(world.connection.events == [])
    }

    @Test("several buffers of a burst go over the socket in order")
    func several() throws {
        let world = try World()
        world.carryOut(deliver("one"), deliver("two"), deliver("three"))
        world.carryOut(deliver("four"))
        world.carryOut(deliver("five"), deliver("six"))
        #expect(try world.sockets.texts() == ["one", "two", "three", "four", "five", "six"])
        #expect(world.connection.events == [])
    }

    @Test(
        "very many buffers of a burst go through the connection, in order; so does what follows until it has written all"
    )
    func tooMany() throws {
        let world = try World()
        let texts = (0..<Int(WaitingFrames.limit)).map { "\($0)" }
        _ = world.shard.carryOut(texts.map { deliver($0) })
        #expect(try world.sockets.texts() == texts)
        _ = world.shard.carryOut((texts + ["one more", "and more"]).map { deliver($0) })
        world.carryOut(deliver("behind"))
        #expect(
            world.connection.events == (texts + ["one more", "and more"]).map { .write([$0]) } + [
                .flush, .write(["behind"]), .flush,
            ])
        #expect(world.sockets.received() == [])
        world.shard.setHandle(SocketHandle(descriptor: world.sockets.near), of: world.place)
        world.carryOut(deliver("last"))
        #expect(try world.sockets.texts() == ["last"])
    }

    @Test("what a full socket does not take is the connection's to write, once and in order", arguments: [1, 3, 7])
    func full(buffersOfBurst: Int) throws {
        let world = try World(ByteConnection())
        let sent = fill(world) { next in
            let texts = (0..<buffersOfBurst).map { longText(next + $0) }
            return (texts, texts.map { deliver($0) })
        }
        _ = world.shard.carryOut([deliver("behind")])
        #expect(world.connection.flushes == 2)
        #expect(try allTexts(world) == sent + ["behind"])
    }

    @Test("connections between which a burst's buffers alternate get theirs alone, each in order")
    func interleaved() throws {
        let world = try World()
        let other = RecordingConnection()
        let sockets = try SocketPair()
        let place = world.shard.admit(other)
        world.shard.open(place, other, identity: Identity(client: 8))
        world.shard.setHandle(SocketHandle(descriptor: sockets.near), of: place)
        func frames(_ text: String) -> ByteBuffer {
            Frame.make(.text, ByteBuffer(string: text), allocator: ByteBufferAllocator())
        }
        for burst in ["a", "b"] {
            _ = world.shard.carryOut(
                (0..<6).map { number in
                    .deliver(
                        Delivery(
                            audience: number == 3 ? .everyone : .client(number % 2 == 0 ? 7 : 8),
                            frames: frames("\(burst)\(number)")))
                })
        }
        #expect(try world.sockets.texts() == ["a0", "a2", "a3", "a4", "b0", "b2", "b3", "b4"])
        #expect(try sockets.texts() == ["a1", "a3", "a5", "b1", "b3", "b5"])
    }

    @Test("frames of no burst go over the socket, or through a connection that has something to write first")
    func alone() throws {
        let world = try World()
        let ping = Frame.make(.ping, ByteBuffer(), allocator: ByteBufferAllocator())
        world.shard.send(ping, to: world.place)
        #expect(world.sockets.received() == [0x89, 0])
        #expect(world.connection.events == [])
        world.shard.setHandle(nil, of: world.place)
        world.shard.send(ping, to: world.place)
        #expect(world.sockets.received() == [])
        #expect(world.connection.events.last == .flush)
        world.shard.remove(world.place, identity: Identity(client: 7))
        world.shard.send(ping, to: world.place)
        #expect(world.connection.events.count == 2)
    }

    /// Keeps what it is to write, whole frames or not.
    private final class ByteConnection: Connection {
        var written = ByteBuffer()
        var flushes = 0
        var promises: [EventLoopPromise<Void>] = []
        /// What stays in memory for as long as the last buffer does.
        var keptBytes = 0

        func write(_ frames: ByteBuffer) {
            written.writeImmutableBuffer(frames)
            keptBytes = frames.storageCapacity
        }
        func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>) {
            write(frames)
            promises.append(promise)
        }
        func flush() { flushes += 1 }
        func answer() {}
        func close(_ code: CloseCode, reason: String) {}
        func goAway() {}
        func abort() {}
        func deadlineReached(now: Tick) -> Tick? { nil }
    }

    @Test("what goes through the connection is a copy where it is part of a common buffer")
    func parts() throws {
        let world = try World()
        let other = ByteConnection()
        world.shard.open(world.shard.admit(other), other, identity: Identity(client: 8))
        var burst = Burst(shards: 1)
        for number in 0..<100 { burst.add(client: 7, in: [0], ByteBuffer(string: "\(number)"), receipt: nil) }
        burst.add(client: 8, in: [0], ByteBuffer(string: "other"), receipt: nil)
        #expect(world.shard.carryOut(burst.take()[0]) == 101)
        #expect(try world.sockets.texts() == (0..<100).map(String.init))
        #expect(world.connection.events == [])
        #expect(try ServerFrame.read(&other.written).map { String(decoding: $0.payload, as: UTF8.self) } == ["other"])
        #expect(other.keptBytes < 100)
        // The next common buffer is as large as this one has become.
        burst.add(client: 8, in: [0], ByteBuffer(string: "alone"), receipt: nil)
        _ = world.shard.carryOut(burst.take()[0])
        #expect(other.keptBytes < 100)
    }

    @Test("of a part that a full socket does not take, the rest is the connection's to write")
    func partOfPart() throws {
        let world = try World(ByteConnection())
        let sent = fill(world) { next in
            var burst = Burst(shards: 1)
            burst.add(client: 8, in: [0], ByteBuffer(string: "somebody else's"), receipt: nil)
            burst.add(client: 7, in: [0], ByteBuffer(string: longText(next, 30_000)), receipt: nil)
            return ([longText(next, 30_000)], burst.take()[0])
        }
        #expect(world.connection.flushes == 1)
        #expect(try allTexts(world) == sent)
    }

    @Test("of a socket that is broken the connection hears by writing itself")
    func broken() throws {
        let world = try World()
        shutdown(world.sockets.near, Int32(SHUT_RDWR))
        world.carryOut(deliver("lost"))
        #expect(world.connection.events == [.write(["lost"]), .flush])
    }

    @Test("a connection that may not be passed any more by the burst's end writes itself what waits")
    func handleTakenAway() throws {
        let shard = Shard(eventLoop: EmbeddedEventLoop(), number: 0)
        let sockets = try SocketPair()
        let late = RecordingConnection()
        let latePlace = shard.admit(late)
        let first = RecordingConnection(onFlush: { [box = NIOLoopBound(shard, eventLoop: shard.eventLoop)] in
            box.value.setHandle(nil, of: latePlace)
        })
        shard.open(shard.admit(first), first, identity: Identity(client: 6))
        shard.open(latePlace, late, identity: Identity(client: 7))
        shard.setHandle(SocketHandle(descriptor: sockets.near), of: latePlace)
        let toFirst = Frame.make(.text, ByteBuffer(string: "first"), allocator: ByteBufferAllocator())
        _ = shard.carryOut([.deliver(Delivery(audience: .client(6), frames: toFirst)), deliver("one")])
        _ = shard.carryOut([deliver("two")])
        #expect(late.events == [.write(["one"]), .flush, .write(["two"]), .flush])
        #expect(sockets.received() == [])
    }

    @Test("a close comes behind what was delivered before it")
    func closing() throws {
        let world = try World()
        world.carryOut(deliver("last"), .close(7, .forcedOffline, reason: "x"))
        #expect(world.connection.events.prefix(2) == [.write(["last"]), .close(.forcedOffline)])
        #expect(world.sockets.received() == [])
    }

    private struct Settled: Equatable {
        let receipt: UInt64
        let isDelivered: Bool
    }

    @Test("a message whose sender wants a receipt goes through the connection, behind what waits")
    func receiptBehind() throws {
        let world = try World()
        world.carryOut(deliver("one"), deliver("two", receipt: ReceiptID(value: 1)), deliver("three"))
        #expect(world.connection.events == [.write(["one"]), .write(["two"]), .write(["three"]), .flush])
        for promise in world.connection.takePromises() { promise.succeed() }
    }

    @Test("where nothing waits it is sent at once, and what follows comes behind it")
    func receiptAtOnce() throws {
        let world = try World()
        var settled: [Settled] = []
        world.shard.onReceipt = { settled.append(Settled(receipt: $0.value, isDelivered: $1)) }
        let count = world.shard.carryOut([
            deliver("one", receipt: ReceiptID(value: 1)), deliver("two", receipt: ReceiptID(value: 2)),
            deliver("three"), deliver("four"),
        ])
        #expect(count == 4)
        #expect(settled == [Settled(receipt: 1, isDelivered: true), Settled(receipt: 2, isDelivered: true)])
        #expect(try world.sockets.texts() == ["one", "two", "three", "four"])
        #expect(world.connection.events == [])
    }

    @Test("what a full socket does not take of it is the connection's to write, which then decides")
    func receiptOfFullSocket() throws {
        let world = try World(ByteConnection())
        var settled: [Settled] = []
        world.shard.onReceipt = { settled.append(Settled(receipt: $0.value, isDelivered: $1)) }
        let sent = fill(world) { next in
            ([longText(next)], [deliver(longText(next), receipt: ReceiptID(value: UInt64(next + 1)))])
        }
        #expect(settled.map(\.receipt) == Array(1..<UInt64(sent.count)))
        #expect(!settled.contains { !$0.isDelivered })
        let promise = try #require(world.connection.promises.first)
        promise.fail(ChannelError.ioOnClosedChannel)
        #expect(settled.last == Settled(receipt: UInt64(sent.count), isDelivered: false))
        #expect(try allTexts(world) == sent)
    }

    @Test("of a socket that is broken the connection is asked what became of it")
    func receiptOfBrokenSocket() throws {
        let world = try World()
        var settled: [Settled] = []
        world.shard.onReceipt = { settled.append(Settled(receipt: $0.value, isDelivered: $1)) }
        shutdown(world.sockets.near, Int32(SHUT_RDWR))
        world.carryOut(deliver("lost", receipt: ReceiptID(value: 1)))
        #expect(world.connection.events == [.write(["lost"]), .flush])
        #expect(settled == [])
        for promise in world.connection.takePromises() { promise.fail(ChannelError.ioOnClosedChannel) }
        #expect(settled == [Settled(receipt: 1, isDelivered: false)])
    }

    @Test("the handle of a connection that is gone is not taken, and the next one in its place has none")
    func reuse() throws {
        let world = try World()
        world.shard.remove(world.place, identity: Identity(client: 7))
        world.shard.setHandle(SocketHandle(descriptor: world.sockets.near), of: world.place)
        let next = RecordingConnection()
        let place = world.shard.admit(next)
        #expect(place.index == world.place.index)
        world.shard.open(place, next, identity: Identity(client: 7))
        world.carryOut(deliver("next"))
        #expect(next.texts == ["next"])
        #expect(world.sockets.received() == [])
    }
}
