import FreeIMTestSupport
import NIOCore
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Connection state: limits, closing and rubbish")
struct ConnectionStateLimitTests {
    private func driver(frame: Int = 1_000, message: Int = 1_000, keeps: Bool = true) -> StateDriver {
        StateDriver(
            limits: ConnectionState.Limits(frameBytes: frame, messageBytes: message, keepsMessages: keeps))
    }

    private func bytes(_ count: Int) -> [UInt8] { Array(repeating: 0x61, count: count) }

    // MARK: Limits

    @Test("a frame may have as many bytes as its limit, and not one more", arguments: [true, false])
    func frameLimit(keeps: Bool) {
        var driver = driver(frame: 200, keeps: keeps)
        #expect(driver.feed(F.make(F.text, bytes(200))).count == 1)
        #expect(driver.state.phase == .open)
        guard case .fail(.messageTooBig, _)? = driver.feed(F.make(F.text, bytes(201))).first else {
            Issue.record("taken")
            return
        }
    }

    @Test("a message's fragments may have as many bytes as its limit, and not one more", arguments: [true, false])
    func messageLimit(keeps: Bool) {
        var driver = driver(message: 300, keeps: keeps)
        let most = F.make(F.text, bytes(100), isFinal: false) + F.make(F.continuation, bytes(100), isFinal: false)
        #expect(driver.feed(most + F.make(F.continuation, bytes(100))).count == 1)
        #expect(driver.feed(most + F.make(F.continuation, bytes(100))).count == 1)
        guard case .fail(.messageTooBig, _)? = driver.feed(most + F.make(F.continuation, bytes(101))).first else {
            Issue.record("taken")
            return
        }
    }

    @Test("a frame longer than a message is refused where frames may be longer")
    func frameBeyondMessage() {
        var driver = driver(frame: 1_000, message: 100)
        guard case .fail(.messageTooBig, _)? = driver.feed(F.make(F.text, bytes(101))).first else {
            Issue.record("taken")
            return
        }
    }

    @Test("control frames do not count towards the limits")
    func controlFrames() {
        var driver = driver(frame: 10, message: 10)
        let actions = driver.feed(
            F.make(F.text, bytes(5), isFinal: false) + F.make(F.ping, bytes(125)) + F.make(F.continuation, bytes(5)))
        #expect(actions.count == 2)
    }

    // MARK: Discarding

    @Test("a message that is not kept is told without its bytes")
    func discarded() {
        var driver = driver(keeps: false)
        let actions = driver.feed(
            F.make(F.text, "Hello") + F.make(F.binary, [1], isFinal: false) + F.make(F.continuation, [2]))
        #expect(actions == [.message(.text, ByteBuffer()), .message(.binary, ByteBuffer())])
    }

    @Test("nothing is kept of a message that is not kept", arguments: [Frame.Opcode.text, .binary])
    func keepsNothing(opcode: Frame.Opcode) {
        var message = IncomingMessage()
        var masking = Masking(key: 0)
        message.opcode = opcode
        for _ in 0..<3 { #expect(message.append(ByteBuffer(bytes: bytes(10_000)), &masking, keep: false)) }
        #expect(message.bytes == nil)
    }

    @Test("what is not kept is unmasked for the check across the pieces in which it comes")
    func discardedUTF8() {
        let text = Array(String(repeating: "\u{7FA4}", count: 5_000).utf8)
        let frame = F.make(F.text, text)
        for cut in [7, 8, 9, 4_101, 4_102, 4_103, 8_200] {
            var driver = StateDriver()
            driver.limits.keepsMessages = false
            #expect(driver.feed(frame, cutAt: [cut]) == [.message(.text, ByteBuffer())])
        }
    }

    // MARK: Closing

    @Test("we close once, and not where the terminal has closed or failed")
    func closesOnce() {
        var driver = StateDriver()
        #expect(driver.state.close() == true)
        #expect(driver.state.close() == false)
        var closed = StateDriver()
        _ = closed.feed(F.close(1000))
        #expect(closed.state.close() == false)
        var failed = StateDriver()
        _ = failed.feed([0xFF])
        #expect(failed.state.close() == false)
    }

    @Test("behind our close frame nothing is delivered or answered until the terminal's")
    func closing() {
        var driver = StateDriver()
        _ = driver.feed(F.make(F.text, "begun", isFinal: false))
        #expect(driver.state.close() == true)
        #expect(driver.feed(F.make(F.continuation, "end") + F.make(F.ping) + F.make(F.binary, [1])) == [])
        #expect(driver.feed(F.close(1000) + F.make(F.text, "x")) == [.closed])
        #expect(driver.state.phase == .closed)
    }

    @Test(
        "what breaks a rule behind our close frame ends the connection without a second one",
        arguments: [F.make(0x3), F.make(F.text, [0xFF]), F.close(1005), F.make(F.text, key: nil)])
    func violationWhileClosing(_ bytes: [UInt8]) {
        var driver = StateDriver()
        #expect(driver.state.close() == true)
        #expect(driver.feed(bytes) == [.closed])
    }

    @Test("nothing is decided after the connection was given up")
    func abandoned() {
        var driver = StateDriver()
        _ = driver.feed(F.make(F.text, "x").prefix(3))
        driver.state.abandon()
        #expect(driver.feed(F.make(F.text, "x") + F.close(1000)) == [])
        #expect(driver.state.close() == false)
    }

    // MARK: Rubbish

    @Test("rubbish never traps, ends, and means the same however it is cut", arguments: 0..<40 as Range<UInt64>)
    func rubbish(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<25 {
            let bytes = Self.rubbish(&generator)
            var whole = StateDriver()
            var cut = StateDriver()
            let cuts = (0..<6).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            let actions = whole.feed(bytes)
            #expect(actions.count <= bytes.count)
            #expect(cut.feed(bytes, cutAt: cuts) == actions)
            #expect(cut.state.phase == whole.state.phase)
        }
    }

    /// Frames of which a few bytes are wrong, or bytes without any sense.
    private static func rubbish(_ generator: inout SeededGenerator) -> [UInt8] {
        func random(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
        guard Bool.random(using: &generator) else {
            return (0..<random(0..<300)).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        }
        var bytes: [UInt8] = []
        for _ in 0..<random(1..<8) {
            let opcode: UInt8 = [F.text, F.binary, F.continuation, F.ping, F.pong, F.close][random(0..<6)]
            let payload = (0..<random(0..<130)).map { _ in UInt8(random(0x20..<0x100)) }
            bytes += F.make(opcode, payload, isFinal: random(0..<4) > 0)
        }
        for _ in 0..<random(0..<4) { bytes[random(0..<bytes.count)] ^= 1 << UInt8(random(0..<8)) }
        return bytes
    }
}
