import FreeIMTestSupport
import MetricsTestKit
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("Delivery to connections of which some take messages compressed")
struct CompressedDeliveryTests {
    private static let channel = ChannelName.named("x")
    private static let one = Compressed.long("one")
    private static let two = Compressed.long("two")
    private static let three = Compressed.long("three")

    /// Keeps the frames that it is to write, one by one.
    private final class FrameConnection: Connection {
        private(set) var frames: [ServerFrame] = []
        private(set) var writes = 0
        private(set) var promises: [EventLoopPromise<Void>] = []

        func take() -> [ServerFrame] {
            defer { frames = [] }
            return frames
        }

        func write(_ frames: ByteBuffer) {
            var frames = frames
            writes += 1
            self.frames += (try? ServerFrame.read(&frames)) ?? []
        }
        func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>) {
            write(frames)
            promise.succeed()
        }
        func flush() {}
        func answer() {}
        func close(_ code: CloseCode, reason: String) {}
        func goAway() {}
        func abort() {}
        func deadlineReached(now: Tick) -> Tick? { nil }
    }

    /// A node of several shards, which all run here, and what its bus loop collects for them.
    private final class World {
        let shards: [Shard]
        let metrics = TestMetrics()
        private let settings: DeflateSettings
        private var burst: Burst
        private var places: [ObjectIdentifier: SocketID] = [:]

        init(shards: Int = 1, threshold: Int = 100) {
            self.shards = (0..<shards).map { Shard(eventLoop: EmbeddedEventLoop(), number: $0) }
            burst = Burst(shards: shards)
            settings = Compressed.settings(threshold: threshold, metrics: metrics)
            for shard in self.shards { shard.onChange = { [unowned self] in burst.apply($0) } }
        }

        @discardableResult
        func open(_ client: ClientID, in shard: Int = 0, _ window: DeflateWindow? = nil) -> FrameConnection {
            let connection = FrameConnection()
            let place = shards[shard].admit(connection)
            shards[shard].open(
                place, connection, identity: Identity(client: client),
                agreement: window.map { DeflateAgreement(window: $0, settings: settings) })
            places[ObjectIdentifier(connection)] = place
            _ = shards[shard].carryOut([
                .apply(MembershipChange(.joined, client: client, channels: [CompressedDeliveryTests.channel]))
            ])
            return connection
        }

        func close(_ connection: FrameConnection, _ client: ClientID, in shard: Int = 0) {
            guard let place = places[ObjectIdentifier(connection)] else { return }
            shards[shard].remove(place, identity: Identity(client: client))
        }

        /// One burst, of what `body` adds.
        @discardableResult
        func deliver(_ body: (inout Burst) -> Void) -> Int {
            body(&burst)
            return zip(shards, burst.take()).reduce(0) { $0 + $1.0.carryOut($1.1) }
        }

        func count(_ name: String) -> Int64 { metrics.counterTotal(label: "freeim_gateway_\(name)_total") }
    }

    private func body(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    @Test("a channel's message is compressed for those who take it so, and is what it was for the others")
    func mixed() {
        let world = World()
        let plain = world.open(1), compressing = world.open(2, .large), small = world.open(3, .small)
        #expect(world.deliver { $0.add(.channel(Self.channel), body(Self.one), excluded: nil) } == 3)
        #expect(plain.frames == [.text(Self.one)])
        #expect(compressing.frames == [.compressed(Self.one)])
        #expect(small.frames == [.compressed(Self.one)])
    }

    @Test("a run of short messages, however long it is, is not looked through for some to compress")
    func shortOnes() throws {
        let settings = Compressed.settings(threshold: 100, metrics: TestMetrics())
        var burst = Burst(shards: 2)
        burst.apply(
            ShardChange(
                kind: .opened, identity: Identity(client: 1), socket: SocketID(index: 0, generation: 0), remains: true,
                agreement: DeflateAgreement(window: .large, settings: settings)))
        for _ in 0..<100 { burst.add(.everyone, body("short"), excluded: nil) }
        burst.add(.channel(Self.channel), body(Self.one), excluded: nil)
        let runs = burst.take()[0].compactMap { if case .deliver(let run) = $0 { run } else { nil } }
        #expect(runs.map(\.compressed.count) == [0, 1])
        #expect(runs.map(\.messages) == [100, 1])
    }

    @Test("a message is compressed once for all of the same window in a shard, and not where nobody gets it so")
    func onceInShard() {
        let world = World()
        for client in 1...5 { world.open(ClientID(Int64(client)), .large) }
        for client in 6...9 { world.open(ClientID(Int64(client)), .medium) }
        world.open(10)
        world.deliver { $0.add(.everyone, body(Self.one), excluded: nil) }
        #expect(world.count("messages_compressed") == 2)
        world.deliver { $0.add(client: 10, in: [0], body(Self.one), receipt: nil) }
        #expect(world.count("messages_compressed") == 2)
        world.deliver { $0.add(.channel(.named("empty")), body(Self.one), excluded: nil) }
        #expect(world.count("messages_compressed") == 2)
    }

    @Test("what is for all shards is compressed once for all of them")
    func onceForAllShards() {
        let world = World(shards: 3)
        let connections = (0..<3).map { world.open(ClientID(Int64($0 + 1)), in: $0, .large) }
        let plain = world.open(9, in: 1)
        world.deliver { $0.add(.everyone, body(Self.one), excluded: nil) }
        #expect(connections.map(\.frames) == Array(repeating: [.compressed(Self.one)], count: 3))
        #expect(plain.frames == [.text(Self.one)])
        #expect(world.count("messages_compressed") == 1)
        #expect(world.count("compression_bytes_in") == Int64(Self.one.utf8.count))
        #expect((1..<100).contains(world.count("compression_bytes_out")))
    }

    @Test("a shard compresses what came before the bus loop knew of its connection")
    func late() {
        let world = World(shards: 2)
        world.shards[0].onChange = { _ in }
        let connection = world.open(1, in: 0, .large)
        world.deliver { $0.add(.everyone, body(Self.one), excluded: nil) }
        #expect(connection.frames == [.compressed(Self.one)])
    }

    @Test("in a run the short messages stay as they are, and the order is kept", arguments: [1, 2])
    func threshold(shards: Int) {
        let world = World(shards: shards)
        let connection = world.open(1, .large), plain = world.open(2)
        let texts = [
            "short", Self.one, String(repeating: "x", count: 99), String(repeating: "x", count: 100), Self.two,
        ]
        world.deliver { burst in
            for text in texts { burst.add(.channel(Self.channel), body(text), excluded: nil) }
        }
        #expect(
            connection.frames == [
                .text(texts[0]), .compressed(texts[1]), .text(texts[2]), .compressed(texts[3]), .compressed(texts[4]),
            ])
        #expect(connection.writes == 1)
        #expect(plain.frames == texts.map { .text($0) })
    }

    @Test("messages of all kinds keep their order within a connection")
    func order() {
        let world = World()
        let connection = world.open(1, .large)
        world.deliver { burst in
            burst.add(.channel(Self.channel), body("a"), excluded: nil)
            burst.add(client: 1, in: [0], body(Self.one), receipt: nil)
            burst.add(client: 1, in: [0], body("b"), receipt: nil)
            burst.add(clients: [0: [1, 2]], body(Self.two))
            burst.add(.everyone, body("c"), excluded: nil)
            burst.add(client: 1, in: [0], body(Self.three), receipt: ReceiptID(value: 1))
        }
        #expect(
            connection.frames == [
                .text("a"), .compressed(Self.one), .text("b"), .compressed(Self.two), .text("c"),
                .compressed(Self.three),
            ])
    }

    @Test("a message for one client, or several, reaches each connection as it takes it")
    func direct() {
        let world = World()
        let phone = world.open(1, .large), laptop = world.open(1), other = world.open(2, .large)
        #expect(world.deliver { $0.add(client: 1, in: [0], body(Self.one), receipt: nil) } == 2)
        #expect(phone.take() == [.compressed(Self.one)])
        #expect(laptop.take() == [.text(Self.one)])
        #expect(world.deliver { $0.add(clients: [0: [1, 2]], body(Self.two)) } == 3)
        #expect((phone.take(), laptop.take()) == ([.compressed(Self.two)], [.text(Self.two)]))
        #expect(other.take() == [.compressed(Self.two)])
        world.deliver { $0.add(client: 1, in: [0], body(Self.three), receipt: ReceiptID(value: 1)) }
        #expect((phone.take(), laptop.take()) == ([.compressed(Self.three)], [.text(Self.three)]))
        #expect(other.take() == [])
    }

    @Test("of a run, each sender gets all but its own messages, compressed where it takes them so", arguments: [1, 2])
    func exclusions(shards: Int) {
        let world = World(shards: shards)
        let plain = world.open(7), compressing = world.open(8, .large), other = world.open(9, .large)
        let run: [(String, ClientID?)] = [
            ("a", nil), (Self.one, nil), (Self.two, 7), (Self.one, 8), ("b", 8), (Self.three, nil),
        ]
        let count = world.deliver { burst in
            for (text, sender) in run { burst.add(.everyone, body(text), excluded: sender) }
        }
        #expect(plain.frames == ["a", Self.one, Self.one, "b", Self.three].map { .text($0) })
        #expect(
            compressing.frames == [
                .text("a"), .compressed(Self.one), .compressed(Self.two), .compressed(Self.three),
            ])
        #expect(
            other.frames == [
                .text("a"), .compressed(Self.one), .compressed(Self.two), .compressed(Self.one), .text("b"),
                .compressed(Self.three),
            ])
        #expect(other.writes == 1)
        #expect(count == 5 + 4 + 6)
        #expect(world.count("messages_compressed") == 4)
    }

    @Test("what does not get smaller is sent as it is, and tried once", arguments: [1, 2])
    func incompressible(shards: Int) {
        // Each character once.
        let text = String(decoding: UInt8(0x20)..<0x7F, as: UTF8.self)
        let world = World(shards: shards, threshold: 50)
        let connections = (1...3).map { world.open(ClientID(Int64($0)), .large) }
        world.deliver { $0.add(.everyone, body(text), excluded: nil) }
        #expect(connections.map(\.frames) == Array(repeating: [.text(text)], count: 3))
        #expect(world.count("messages_compressed") == 0)
    }

    @Test("with the last connection that takes messages compressed, what compresses goes", arguments: [1, 2])
    func gone(shards: Int) {
        let world = World(shards: shards)
        let first = world.open(1, .large), second = world.open(2, .small), plain = world.open(3)
        world.close(first, 1)
        world.deliver { $0.add(.everyone, body(Self.one), excluded: nil) }
        #expect(second.frames == [.compressed(Self.one)])
        #expect(world.shards[0].codec != nil)
        world.close(second, 2)
        #expect(world.shards[0].codec == nil)
        // The next one in its place takes messages as they are.
        let next = world.open(4)
        world.deliver { $0.add(.everyone, body(Self.two), excluded: nil) }
        #expect(next.frames == [.text(Self.two)])
        #expect(plain.frames == [.text(Self.one), .text(Self.two)])
        #expect(world.count("messages_compressed") == 1)
    }
}
