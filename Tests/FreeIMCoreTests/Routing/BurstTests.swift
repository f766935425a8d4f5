import FreeIMTestSupport
import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Burst")
struct BurstTests {
    private let channel = ChannelName.named("x")
    private let other = ChannelName.named("y")

    private func body(_ text: String) -> ByteBuffer { ByteBuffer(string: text) }

    private func summaries(_ burst: inout Burst) throws -> [[String]] {
        try burst.take().map(\.resolved).map { try $0.map { try $0.summary() } }
    }

    @Test("consecutive messages for one channel are one delivery, for all shards")
    func runs() throws {
        var burst = Burst(shards: 3)
        for text in ["1", "2", "3"] { burst.add(.channel(channel), body(text), excluded: nil) }
        let commands = burst.take()
        #expect(commands.count == 3)
        for shard in commands {
            let delivery = try #require(shard.first?.delivery)
            #expect(shard.count == 1)
            #expect(delivery.messages == 3)
            #expect(delivery.exclusions.isEmpty)
            #expect(try delivery.expanded().map(\.text) == ["1", "2", "3"])
        }
    }

    @Test("another audience ends a run, and order is kept")
    func audiences() throws {
        var burst = Burst(shards: 1)
        burst.add(.channel(channel), body("1"), excluded: nil)
        burst.add(.channel(other), body("2"), excluded: nil)
        burst.add(.channel(channel), body("3"), excluded: nil)
        burst.add(.everyone, body("4"), excluded: nil)
        burst.add(.everyone, body("5"), excluded: nil)
        #expect(try summaries(&burst) == [["#x: 1", "#y: 2", "#x: 3", "*: 4, 5"]])
    }

    @Test("in a run each message keeps whom it leaves out")
    func exclusions() throws {
        var burst = Burst(shards: 1)
        for (text, excluded) in [("1", nil), ("2", nil), ("3", 7), ("4", nil), ("5", 8), ("6", 7)]
            as [(String, ClientID?)]
        {
            burst.add(.channel(channel), body(text), excluded: excluded)
        }
        #expect(try summaries(&burst) == [["#x: 1, 2, 3 not 7, 4, 5 not 8, 6 not 7"]])
    }

    @Test("a run is ended at its size, and a longer message is a run of its own")
    func size() throws {
        var burst = Burst(shards: 1)
        let long = String(repeating: "x", count: 50_000)
        for _ in 0..<7 { burst.add(.channel(channel), body(long), excluded: nil) }
        burst.add(.everyone, body(String(repeating: "x", count: 300_000)), excluded: nil)
        burst.add(.everyone, body("end"), excluded: nil)
        let messages = burst.take()[0].resolved.compactMap { $0.delivery?.messages }
        #expect(messages == [3, 3, 1, 1, 1])
    }

    @Test("consecutive messages for one client are one delivery, for its shards alone")
    func oneClient() throws {
        var burst = Burst(shards: 3)
        burst.add(client: 7, in: [0, 2], body("1"), receipt: nil)
        burst.add(client: 7, in: [0, 2], body("2"), receipt: nil)
        burst.add(client: 8, in: [1], body("3"), receipt: nil)
        #expect(try summaries(&burst) == [["7: 1, 2"], ["8: 3"], ["7: 1, 2"]])
    }

    @Test("messages for one client each share a buffer, which only their shards get")
    func common() throws {
        var burst = Burst(shards: 3)
        burst.add(client: 7, in: [0, 2], body("1"), receipt: nil)
        burst.add(.everyone, body("2"), excluded: nil)
        burst.add(client: 8, in: [2], body("3"), receipt: nil)
        let commands = burst.take()
        #expect(commands.map { $0.count { if case .common = $0 { true } else { false } } } == [1, 0, 1])
        #expect(
            try commands.map { try $0.resolved.map { try $0.summary() } } == [
                ["7: 1", "*: 2"], ["*: 2"], ["7: 1", "*: 2", "8: 3"],
            ])
    }

    @Test("a common buffer is ended at its size, and a longer message has its own")
    func commonSize() throws {
        var burst = Burst(shards: 1)
        let long = String(repeating: "x", count: 30_000)
        for client in 0..<5 { burst.add(client: ClientID(Int64(client)), in: [0], body(long), receipt: nil) }
        burst.add(client: 5, in: [0], body(String(repeating: "x", count: 70_000)), receipt: nil)
        burst.add(client: 6, in: [0], body("end"), receipt: nil)
        let commands = burst.take()[0]
        let sizes = commands.compactMap { if case .common(let buffer) = $0 { buffer.readableBytes } else { nil } }
        #expect(sizes == [60_008, 60_008, 30_004 + 5])
        let texts = try commands.resolved.compactMap(\.delivery).flatMap { try $0.expanded() }.map(\.text.utf8.count)
        #expect(texts == [30_000, 30_000, 30_000, 30_000, 30_000, 70_000, 3])
    }

    @Test("a message with a receipt is a delivery of its own")
    func receipts() throws {
        var burst = Burst(shards: 1)
        burst.add(client: 7, in: [0], body("1"), receipt: nil)
        burst.add(client: 7, in: [0], body("2"), receipt: ReceiptID(value: 1))
        burst.add(client: 7, in: [0], body("3"), receipt: nil)
        burst.add(client: 7, in: [0], body("4"), receipt: ReceiptID(value: 2))
        burst.add(client: 7, in: [0], body("5"), receipt: ReceiptID(value: 3))
        let deliveries = burst.take()[0].resolved.compactMap(\.delivery)
        #expect(deliveries.map { $0.receipt?.value } == [nil, 1, nil, 2, 3])
        #expect(deliveries.map(\.messages) == [1, 1, 1, 1, 1])
    }

    @Test("a message for several clients goes to each shard with its own")
    func severalClients() throws {
        var burst = Burst(shards: 3)
        burst.add(.everyone, body("before"), excluded: nil)
        burst.add(clients: [0: [1, 2], 2: [3]], body("hi"))
        #expect(try summaries(&burst) == [["*: before", "1+2: hi"], ["*: before"], ["*: before", "3: hi"]])
    }

    @Test("commands keep their place among the messages")
    func commands() throws {
        var burst = Burst(shards: 2)
        burst.add(.channel(channel), body("1"), excluded: nil)
        burst.add(.apply(MembershipChange(.joined, client: 7, channels: [channel])), in: [1])
        burst.add(.channel(channel), body("2"), excluded: nil)
        burst.add(.close(7, .forcedOffline, reason: ""), in: [1])
        burst.add(client: 7, in: [1], body("3"), receipt: nil)
        #expect(
            try summaries(&burst) == [
                ["#x: 1", "#x: 2"],
                ["#x: 1", #"joined 7 ["x"]"#, "#x: 2", "close 7 4500", "7: 3"],
            ])
    }

    @Test("what has been taken is gone")
    func taken() throws {
        var burst = Burst(shards: 2)
        burst.add(.everyone, body("1"), excluded: nil)
        _ = burst.take()
        #expect(burst.take().allSatisfy { $0.isEmpty })
        burst.add(.everyone, body("2"), excluded: 7)
        #expect(try summaries(&burst) == [["*: 2 not 7"], ["*: 2 not 7"]])
    }

    @Test("random messages come out in order, shard by shard", arguments: 0..<10 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var burst = Burst(shards: 2)
        var expected: [[Delivery.Message]] = [[], []]
        for number in 0..<300 {
            let text = "\(number)" + String(repeating: "x", count: Int.random(in: 0..<200, using: &generator))
            let excluded = Bool.random(using: &generator) ? nil : ClientID(Int64.random(in: 1...2, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                burst.add(.everyone, body(text), excluded: excluded)
                for shard in 0..<2 { expected[shard].append(.init(.everyone, text, excluded: excluded)) }
            case 1:
                let shard = Int.random(in: 0..<2, using: &generator)
                burst.add(client: ClientID(Int64(shard)), in: ShardSet(arrayLiteral: shard), body(text), receipt: nil)
                expected[shard].append(.init(.client(ClientID(Int64(shard))), text))
            default:
                burst.add(.channel(channel), body(text), excluded: excluded)
                for shard in 0..<2 { expected[shard].append(.init(.channel(channel), text, excluded: excluded)) }
            }
        }
        for (commands, expected) in zip(burst.take(), expected) {
            let deliveries = commands.resolved.compactMap(\.delivery)
            #expect(try deliveries.flatMap { try $0.expanded() } == expected)
            #expect(deliveries.reduce(0) { $0 + $1.messages } == expected.count)
        }
    }
}
