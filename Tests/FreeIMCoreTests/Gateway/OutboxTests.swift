import NIOCore
import NIOEmbedded
import Testing

@testable import FreeIMCore

@Suite("What waits for a slow receiver")
struct OutboxTests {
    private static let cost = Outbox.overhead + 3

    private func outbox(_ policy: SlowReceiverPolicy, messages: Int = 3, age: Tick = 10) -> Outbox {
        let outbox = Outbox(Outbox.Limits(policy: policy, bytes: messages * Self.cost, age: age))
        outbox.isBlocked = true
        return outbox
    }

    /// Each character is a message of its own, all in one buffer.
    private func frames(_ texts: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        for text in texts { Frame.append(.text, ByteBuffer(string: String(text)), to: &buffer) }
        return buffer
    }

    private func add(_ texts: String, of channel: String? = nil, to outbox: Outbox, now: Tick = 0) {
        outbox.add(frames(texts), of: channel.flatMap { ChannelName($0) }, promise: nil, now: now)
    }

    /// What comes out, to the end.
    private func rest(_ outbox: Outbox, now: Tick = 0) throws -> [ServerFrame] {
        var all: [ServerFrame] = []
        while var (frames, _, _) = outbox.next(now: now) { all += try ServerFrame.read(&frames) }
        #expect(outbox.isEmpty)
        #expect(outbox.entryBytes == 0)
        return all
    }

    private func texts(_ texts: String) -> [ServerFrame] { texts.map { .text(String($0)) } }

    @Test("close: nothing is dropped until a limit is passed, then all that comes")
    func close() throws {
        let outbox = outbox(.close)
        for text in "abc" { add(String(text), to: outbox) }
        #expect(!outbox.isOverfull)
        add("d", to: outbox)
        #expect(outbox.isOverfull)
        add("ef", to: outbox)
        #expect(outbox.dropped == 2)
        #expect(try rest(outbox) == texts("abcd"))
    }

    @Test("what the channel has counts as well")
    func channelBytes() {
        let outbox = outbox(.close)
        outbox.channelBytes = 3 * Self.cost
        outbox.checkBytes()
        #expect(!outbox.isOverfull)
        add("a", to: outbox)
        #expect(outbox.isOverfull)
    }

    @Test("drop_newest: what comes while there is no room is dropped, message by message")
    func dropNewest() throws {
        let outbox = outbox(.dropNewest)
        add("ab", to: outbox)
        add("cdef", to: outbox)
        #expect(outbox.dropped == 3)
        #expect(!outbox.isOverfull)
        _ = outbox.next(now: 0)
        add("g", to: outbox)
        #expect(try rest(outbox) == texts("bcg"))
    }

    @Test("drop_newest: nor is anything taken while the oldest has waited too long")
    func dropNewestByAge() throws {
        let outbox = outbox(.dropNewest, age: 10)
        add("a", to: outbox, now: 0)
        add("b", to: outbox, now: 9)
        add("c", to: outbox, now: 10)
        #expect(outbox.dropped == 1)
        #expect(try rest(outbox) == texts("ab"))
    }

    @Test("drop_oldest: as many of the oldest go as it takes, those that are too old, and no others")
    func dropOldest() throws {
        let outbox = outbox(.dropOldest, age: 10)
        add("abcde", to: outbox, now: 0)
        #expect(outbox.dropped == 2)
        add("f", to: outbox, now: 5)
        #expect(outbox.dropped == 3)
        #expect(try rest(outbox, now: 10) == texts("f"))
        #expect(outbox.dropped == 5)
    }

    @Test("a message longer than all that may wait is dropped, whatever else goes")
    func tooLong() throws {
        for policy in [SlowReceiverPolicy.dropOldest, .dropNewest] {
            let outbox = outbox(policy)
            outbox.add(
                Frame.make(.text, ByteBuffer(string: String(repeating: "x", count: 1_000)), allocator: .init()),
                of: nil, promise: nil, now: 0)
            #expect(outbox.dropped == 1)
            #expect(outbox.isEmpty)
        }
    }

    @Test("latest_per_channel: a message takes the place of the one before it in its channel")
    func latest() throws {
        let outbox = outbox(.latestPerChannel, messages: 4)
        add("ab", of: "one", to: outbox)
        add("c", of: "two", to: outbox)
        add("d", to: outbox)
        for text in "efg" { add(String(text), of: "one", to: outbox) }
        #expect(outbox.dropped == 4)
        #expect(!outbox.isOverfull)
        #expect(try rest(outbox) == texts("gcd"))
        // The place is gone with the message.
        add("h", of: "one", to: outbox)
        add("i", of: "two", to: outbox)
        add("j", of: "one", to: outbox)
        #expect(try rest(outbox) == texts("ji"))
    }

    @Test("latest_per_channel: places are right while messages leave in front of them")
    func latestWhileLeaving() throws {
        let outbox = outbox(.latestPerChannel, messages: 100)
        for channel in "abcde" { add("0", of: String(channel), to: outbox) }
        for _ in 0..<2 { _ = outbox.next(now: 0) }
        add("1", of: "d", to: outbox)
        add("2", of: "a", to: outbox)
        add("3", of: "a", to: outbox)
        #expect(try rest(outbox) == texts("0103"))
    }

    @Test("latest_per_channel: a terminal of which too much else waits is closed, and one that waits too long")
    func latestCloses() {
        let outbox = outbox(.latestPerChannel, age: 10)
        outbox.channelSince = 5
        #expect(outbox.deadline == 15)
        add("abcd", to: outbox)
        #expect(outbox.isOverfull)
        #expect(self.outbox(.dropOldest).deadline == nil)
    }

    @Test("of pings and pongs only the last wait, ahead of the messages, and none is dropped")
    func controls() throws {
        let outbox = outbox(.dropNewest, messages: 1)
        add("a", to: outbox)
        for text in ["1", "2"] {
            outbox.add(
                Frame.make(.pong, ByteBuffer(string: text), allocator: ByteBufferAllocator()), of: nil, promise: nil,
                now: 0)
        }
        outbox.add(
            Frame.make(.ping, ByteBuffer(), allocator: ByteBufferAllocator()), of: nil, promise: nil, now: 0)
        #expect(outbox.dropped == 0)
        #expect(try rest(outbox) == [.pong("2"), .ping, .text("a")])
    }

    @Test("the receipt of a dropped message says so, whenever that is")
    func promises() throws {
        let loop = EmbeddedEventLoop()
        let outbox = outbox(.dropNewest, messages: 1)
        let (kept, refused) = (loop.makePromise(of: Void.self), loop.makePromise(of: Void.self))
        outbox.add(frames("a"), of: nil, promise: kept, now: 0)
        outbox.add(frames("b"), of: nil, promise: refused, now: 0)
        #expect(throws: SlowReceiverError.self) { try refused.futureResult.wait() }
        outbox.dropAll()
        #expect(throws: SlowReceiverError.self) { try kept.futureResult.wait() }
        #expect(outbox.dropped == 2)
    }

    @Test("frames of all lengths are told apart", arguments: [0, 1, 125, 126, 65_535, 65_536, 200_000])
    func lengths(length: Int) {
        var buffer = ByteBuffer()
        for opcode in [Frame.Opcode.text, .binary, .text] {
            Frame.append(opcode, ByteBuffer(repeating: 0x78, count: length), to: &buffer)
        }
        let frames = Array(ServerFrames(buffer))
        #expect(frames.map { ServerFrames.opcode(of: $0) } == [.text, .binary, .text])
        #expect(frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) } == buffer)
    }

    @Test("a small message does not keep a large buffer")
    func memory() {
        let outbox = outbox(.dropOldest, messages: 2)
        add(String(repeating: "x", count: 10_000), to: outbox)
        let (frames, _, _) = outbox.next(now: 0) ?? (ByteBuffer(), 0, nil)
        #expect(frames.readableBytes == 3)
        #expect(frames.storageCapacity < 100)
    }
}
