import FreeIMTestSupport
import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Router: receipts and events")
struct RouterReceiptTests {
    private struct Stopper: MessageHook {
        func willDeliver(_ message: inout OutboundMessage) -> OutboundVerdict { .stop }
    }

    /// What was published: subject, receiver and text of each message.
    private func published(_ world: RouterWorld) throws -> [String] {
        try world.transport.messages.map { message in
            guard case .direct(let direct) = try EnvelopeCodec.decode(message.body) else { return "?" }
            let node = message.subject.dropFirst(world.subjects.server("").count)
            let sender = direct.sender.map(\.description) ?? "-"
            return "\(node): \(sender) to \(direct.receivers) \(String(buffer: direct.payload))"
        }
    }

    private static let delivered = #"{"content":"hi","receipt":"\#u{53D1}\#u{9001}\#u{6210}\#u{529F}"}"#
    private static let offline = #"{"content":"hi","receipt":"\#u{7528}\#u{6237}\#u{4E0D}\#u{5728}\#u{7EBF}"}"#

    @Test("a receipt is published to the sender's node when all shards have written, in the name of the receiver")
    func delivered() throws {
        let world = RouterWorld()
        world.open(7, in: 0)
        world.open(7, in: 1)
        world.receive(.direct("hi", from: 3, to: [7], receipt: true))
        let receipts = world.takeReceipts()
        #expect(receipts.map(\.shard) == [0, 1])
        world.router.settle(receipts[0].receipt, delivered: false)
        world.turn()
        #expect(try published(world) == [])
        world.router.settle(receipts[1].receipt, delivered: true)
        world.turn()
        #expect(try published(world) == ["b: 7 to [3] \(Self.delivered)"])
    }

    @Test("a receipt of a message that no shard could write says offline")
    func undelivered() throws {
        let world = RouterWorld()
        world.open(7)
        world.receive(.direct("hi", from: 2, to: [7], receipt: true))
        for (_, receipt) in world.takeReceipts() { world.router.settle(receipt, delivered: false) }
        world.turn()
        #expect(try published(world) == ["a: 7 to [2] \(Self.offline)"])
    }

    @Test("each receiver has its receipt, those offline at once")
    func perReceiver() throws {
        let world = RouterWorld()
        world.open(7)
        world.receive(.direct("hi", from: 2, to: [9, 7, 11], receipt: true))
        #expect(
            try published(world) == ["a: 9 to [2] \(Self.offline)", "a: 11 to [2] \(Self.offline)"])
        // Together, and in one call.
        #expect(world.transport.calls.count == 1)
        #expect(world.takeReceipts().count == 1)
    }

    @Test("a message that a hook stopped reached nobody")
    func stopped() throws {
        let world = RouterWorld(hooks: [Stopper()])
        world.open(7)
        world.receive(.direct("hi", from: 2, to: [7], receipt: true))
        #expect(try published(world) == ["a: 7 to [2] \(Self.offline)"])
        #expect(try world.take() == [[], []])
    }

    @Test("there is no receipt for the system, for oneself, or where none is wanted")
    func none() throws {
        let world = RouterWorld()
        world.open(7)
        world.receive(
            .direct("hi", to: [7, 9], receipt: true), .direct("hi", from: 7, to: [7], receipt: true),
            .direct("hi", from: 9, to: [9], receipt: true), .direct("hi", from: 2, to: [7, 9]))
        #expect(world.takeReceipts().isEmpty)
        world.turn()
        #expect(try published(world) == [])
    }

    @Test("a receipt may be settled only as often as there are shards")
    func settledOnce() throws {
        let world = RouterWorld()
        world.open(7)
        world.receive(.direct("hi", from: 2, to: [7], receipt: true))
        let receipt = try #require(world.takeReceipts().first?.receipt)
        for _ in 0..<3 { world.router.settle(receipt, delivered: true) }
        world.router.settle(ReceiptID(value: 999), delivered: true)
        world.turn()
        #expect(try published(world).count == 1)
    }

    @Test("receipts that settle in one turn of the loop go out in one call")
    func together() throws {
        let world = RouterWorld()
        world.open(7)
        for _ in 0..<5 { world.receive(.direct("hi", from: 2, to: [7], receipt: true)) }
        for (_, receipt) in world.takeReceipts() { world.router.settle(receipt, delivered: true) }
        #expect(world.transport.calls.isEmpty)
        world.turn()
        #expect(world.transport.calls.map(\.count) == [5])
    }

    @Test("receipts that the bus does not take are counted")
    func unpublished() throws {
        let world = RouterWorld()
        world.transport.fail(with: TransportError(.overloaded, "full"))
        world.receive(.direct("hi", from: 2, to: [7, 9], receipt: true))
        #expect(world.count("publish_failures") == 2)
    }

    @Test("more receipts than the limit are dropped, and the message is delivered all the same")
    func limit() throws {
        var book = ReceiptBook()
        let message = DirectMessage(sender: 2, receivers: [7], payload: ByteBuffer(), wantsReceipt: true)
        let ids = (0..<ReceiptBook.limit).compactMap { _ in book.open(message, receiver: 7, shards: 1) }
        #expect(Set(ids).count == ReceiptBook.limit)
        #expect(book.open(message, receiver: 7, shards: 1) == nil)
        #expect(book.settle(ids[0], delivered: true)?.delivered == true)
        #expect(book.open(message, receiver: 7, shards: 1) != nil)
    }

    // MARK: Events

    @Test("an announced join or leave is published as an event, for clients here or not")
    func events() throws {
        let world = RouterWorld()
        world.open(7)
        world.receive(
            .membership(.joined, 7, ["x", "y"], announce: true), .membership(.left, 9, ["x"], announce: true))
        #expect(
            world.transport.messages == [
                BusMessage(
                    subject: world.subjects.joined, body: PresenceEventBody.encode(7, [.named("x"), .named("y")])),
                BusMessage(subject: world.subjects.left, body: PresenceEventBody.encode(9, [.named("x")])),
            ])
        #expect(world.transport.calls.count == 1)
    }

    @Test("what is not announced, and who is present, is no event")
    func noEvents() {
        let world = RouterWorld()
        world.open(7)
        world.receive(.membership(.joined, 7), .membership(.left, 7), .membership(.present, 7, announce: true))
        #expect(world.transport.messages == [])
    }

    @Test("without the event bus, or its membership, nothing is announced")
    func switchedOff() throws {
        var quiet = EventBus()
        quiet.membership = false
        for features in [[Channels()], [Channels(), quiet]] as [[any Feature]] {
            let world = RouterWorld(features: features)
            world.open(7)
            world.receive(.membership(.joined, 7, announce: true))
            #expect(world.transport.messages == [])
            #expect(try world.take()[0] == [#"joined 7 ["x"]"#])
        }
    }
}
