import InMemoryLogging
import Logging
import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("Router: messages that are too large")
struct RouterLimitTests {
    private static let limit = 1_024

    private static func text(_ bytes: Int) -> String { String(repeating: "x", count: bytes) }

    @Test("what has a byte too many is dropped and counted, whatever kind of message it is; what fits is delivered")
    func dropped() throws {
        let world = RouterWorld(maximumMessage: Self.limit)
        world.open(7)
        for (bytes, isDropped) in [(Self.limit, false), (Self.limit + 1, true), (100_000, true)] {
            let text = Self.text(bytes)
            let before = world.count("messages_oversized")
            let direct = DirectMessage(sender: nil, receivers: [7], payload: ByteBuffer(string: text))
            world.receive(.direct(direct), .channel(text), .broadcast(text), .forwarded(.direct(direct)))
            let commands = try world.take()[0]
            #expect(commands.isEmpty == isDropped)
            #expect(world.count("messages_oversized") - before == (isDropped ? 4 : 0))
        }
        #expect(world.count("messages_malformed") == 0)
    }

    @Test("the text counts, and not what the bus writes for it, or who else gets it")
    func textAlone() throws {
        let world = RouterWorld(maximumMessage: Self.limit)
        world.open(7)
        world.receive(.direct(String(repeating: "\u{1}", count: Self.limit), to: [7]))
        world.receive(.direct("hi", to: (7..<1_000).map { ClientID(Int64($0)) }))
        #expect(world.count("messages_oversized") == 0)
        #expect(try world.take()[0].count == 2)
    }

    @Test("a receipt repeats the message, and may be as much longer; what only looks like one may not")
    func receipts() throws {
        let world = RouterWorld(maximumMessage: Self.limit)
        world.open(9)
        let content = ByteBuffer(string: String(repeating: "\"\u{1}", count: Self.limit / 2))
        let direct = DirectMessages()
        for text in [direct.deliveredText, direct.offlineText] {
            let receipt = ReceiptText.make(content: content, receipt: text)
            #expect(receipt.readableBytes > Self.limit)
            world.receive(.direct(String(buffer: receipt), from: 7, to: [9]))
        }
        #expect(world.count("messages_oversized") == 0)
        let long = ByteBuffer(string: Self.text(7 * Self.limit))
        for text in [
            String(buffer: ReceiptText.make(content: content, receipt: "other")),
            String(buffer: ReceiptText.make(content: long, receipt: direct.deliveredText)),
            "{\"content\":\"\(Self.text(Self.limit))\"}",
        ] { world.receive(.direct(text, from: 7, to: [9])) }
        world.receive(.direct(String(buffer: ReceiptText.make(content: content, receipt: direct.offlineText)), to: [9]))
        #expect(world.count("messages_oversized") == 4)
    }

    @Test("one of them is logged in a minute, with its size and the limit, without its text")
    func logged() {
        let world = RouterWorld(maximumMessage: Self.limit)
        let log = InMemoryLogHandler()
        world.router.logOversized(to: Logger(label: "test") { _ in log })
        for _ in 0..<100 { world.receive(.broadcast(Self.text(2_000))) }
        #expect(log.entries.count == 1)
        #expect(log.entries.first?.metadata == ["im.count": "2000", "im.limit": "1024"])
        world.loop.advanceTime(by: .seconds(61))
        for _ in 0..<100 { world.receive(.broadcast(Self.text(3_000))) }
        #expect(log.entries.count == 2)
        #expect(world.count("messages_oversized") == 200)
    }
}
