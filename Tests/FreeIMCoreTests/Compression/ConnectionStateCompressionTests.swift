import FreeIMTestSupport
import MetricsTestKit
import NIOCore
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Connection state: compressed messages")
struct ConnectionStateCompressionTests {
    /// RFC 7692 §6: the first of the three reserved bits.
    private static let bit: UInt8 = 4

    private static func driver(keeps: Bool = true) -> StateDriver {
        var driver = StateDriver()
        driver.codec = Compressed.codec()
        driver.limits.keepsMessages = keeps
        return driver
    }

    private static func text(_ text: String) -> ConnectionState.Action { .message(.text, ByteBuffer(string: text)) }

    /// In frames of so many bytes.
    private static func frames(_ compressed: [UInt8], of size: Int) -> [[UInt8]] {
        stride(from: 0, to: compressed.count, by: size).map { start in
            let end = min(start + size, compressed.count)
            return F.make(
                start == 0 ? F.text : F.continuation, Array(compressed[start..<end]), isFinal: end == compressed.count,
                reserved: start == 0 ? bit : 0)
        }
    }

    private static func code(_ actions: [ConnectionState.Action]) -> CloseCode? {
        if case .fail(let code, _)? = actions.last { code } else { nil }
    }

    @Test("compressed and other messages are understood beside each other, cut at any byte")
    func beside() throws {
        let bytes =
            F.make(F.text, Compressed.hello, reserved: Self.bit) + F.make(F.text, "plain")
            + F.make(F.binary, try Compressed.bytes(Array(repeating: 0xFF, count: 300)), reserved: Self.bit)
            + F.make(F.text, Compressed.hello, reserved: Self.bit)
        let actions = [
            Self.text("Hello"), Self.text("plain"), .message(.binary, ByteBuffer(repeating: 0xFF, count: 300)),
            Self.text("Hello"),
        ]
        for cut in 0...bytes.count {
            var driver = Self.driver()
            #expect(driver.feed(bytes, cutAt: [cut]) == actions)
        }
    }

    @Test("an empty message is understood", arguments: [[0x00], [0x02, 0x00], []] as [[UInt8]])
    func empty(payload: [UInt8]) {
        var driver = Self.driver()
        #expect(driver.feed(F.make(F.text, payload, reserved: Self.bit)) == [Self.text("")])
    }

    @Test(
        "a fragmented message has the bit in its first frame, and control frames in between", arguments: [1, 2, 3, 7])
    func fragments(size: Int) throws {
        let frames = Self.frames(Compressed.hello, of: size)
        let bytes = frames.joined(separator: F.make(F.ping, "?"))
        var driver = Self.driver()
        #expect(
            driver.feed(Array(bytes))
                == Array(repeating: .pong(ByteBuffer(string: "?")), count: frames.count - 1) + [Self.text("Hello")])
    }

    @Test("an empty last fragment ends a message")
    func emptyFragment() {
        var driver = Self.driver()
        let first = F.make(F.text, Compressed.hello, isFinal: false, reserved: Self.bit)
        #expect(driver.feed(first + F.make(F.continuation)) == [Self.text("Hello")])
    }

    @Test("a message that is not kept is checked, and told without its bytes")
    func discarded() throws {
        var driver = Self.driver(keeps: false)
        #expect(driver.feed(F.make(F.text, Compressed.hello, reserved: Self.bit)) == [Self.text("")])
        let notUTF8 = try Compressed.bytes(Array(repeating: 0x80, count: 100))
        #expect(Self.code(driver.feed(F.make(F.text, notUTF8, reserved: Self.bit))) == .invalidData)
    }

    @Test("text is checked as it was before it was compressed")
    func utf8() throws {
        let text = String(repeating: "\u{7FA4}", count: 20_000)
        var driver = Self.driver()
        let frames = Self.frames(try Compressed.text(text), of: 20)
        #expect(driver.feed(Array(frames.joined())) == [Self.text(text)])
        for bytes in [Array(text.utf8.dropLast()), Array(text.utf8.dropFirst())] {
            var driver = Self.driver()
            let compressed = try Compressed.bytes(bytes)
            #expect(Self.code(driver.feed(F.make(F.text, compressed, reserved: Self.bit))) == .invalidData)
            var other = Self.driver()
            #expect(
                other.feed(F.make(F.binary, compressed, reserved: Self.bit))
                    == [.message(.binary, ByteBuffer(bytes: bytes))])
        }
    }

    @Test("a bomb ends with 1009, in one frame or several, kept or not", arguments: [true, false], [10, 10_000])
    func bomb(keeps: Bool, size: Int) throws {
        let bomb = try Compressed.bytes(Array(repeating: 0x61, count: 1_000_000))
        var driver = Self.driver(keeps: keeps)
        #expect(Self.code(driver.feed(Array(Self.frames(bomb, of: size).joined()))) == .messageTooBig)
        #expect(driver.state.phase == .closed)
    }

    @Test("a message may have as many bytes inflated as its limit, and not one more")
    func limit() throws {
        for (count, code) in [(65_536, nil), (65_537, .messageTooBig)] as [(Int, CloseCode?)] {
            var driver = Self.driver()
            let compressed = try Compressed.bytes(Array(repeating: 0x61, count: count))
            let actions = driver.feed(F.make(F.text, compressed, reserved: Self.bit))
            #expect(actions.count == 1)
            #expect(Self.code(actions) == code)
        }
    }

    @Test("the compressed bytes have the same limits, before anything is inflated")
    func compressedLimit() {
        var driver = Self.driver()
        driver.limits.messageBytes = 100
        let half = Array(repeating: UInt8(0), count: 60)
        let bytes =
            F.make(F.text, half, isFinal: false, reserved: Self.bit) + F.make(F.continuation, half, isFinal: false)
        #expect(Self.code(driver.feed(bytes)) == .messageTooBig)
    }

    @Test(
        "damaged bytes end with 1007",
        arguments: [[0x07], Array(Compressed.hello.dropLast(2)), [0xF2, 0x00, 0x11, 0x00, 0x00]] as [[UInt8]])
    func damaged(payload: [UInt8]) {
        var driver = Self.driver()
        #expect(Self.code(driver.feed(F.make(F.binary, payload, reserved: Self.bit))) == .invalidData)
    }

    @Test(
        "the bit, or another, where it must not be ends with 1002",
        arguments: [
            ("a ping", F.make(F.ping, reserved: bit)), ("a pong", F.make(F.pong, reserved: bit)),
            ("a close", F.make(F.close, reserved: bit)),
            (
                "a continuation",
                F.make(F.text, "x", isFinal: false) + F.make(F.continuation, Compressed.hello, reserved: bit)
            ),
            (
                "the continuation of a compressed message",
                frames(Compressed.hello, of: 4)[0] + F.make(F.continuation, [0], reserved: bit)
            ),
            ("the second bit", F.make(F.text, [0x78], reserved: 2)),
            ("the third bit", F.make(F.text, [0x78], reserved: 1)),
            ("all bits", F.make(F.text, Compressed.hello, reserved: 7)),
        ] as [(String, [UInt8])])
    func misuse(name: String, bytes: [UInt8]) {
        var driver = Self.driver()
        #expect(Self.code(driver.feed(bytes)) == .protocolError)
    }

    @Test("without an agreement the bit is a breach of the protocol")
    func notAgreed() {
        var driver = StateDriver()
        #expect(Self.code(driver.feed(F.make(F.text, Compressed.hello, reserved: Self.bit))) == .protocolError)
    }

    @Test("behind our close frame nothing is inflated")
    func closing() throws {
        let metrics = TestMetrics()
        var driver = Self.driver()
        driver.codec = Compressed.codec(metrics: metrics)
        #expect(driver.feed(F.make(F.text, Compressed.hello, reserved: Self.bit)).count == 1)
        #expect(driver.state.close() == true)
        #expect(driver.feed(F.make(F.text, Compressed.hello, reserved: Self.bit)) == [])
        #expect(try metrics.expectCounter("freeim_gateway_messages_inflated_total").values == [1])
    }

    @Test("rubbish that says it is compressed means the same however it is cut", arguments: 0..<20 as Range<UInt64>)
    func rubbish(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<25 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 1..<6, using: &generator) {
                var payload = Compressed.hello
                for _ in 0..<Int.random(in: 0..<2, using: &generator) {
                    payload[Int.random(in: 0..<7, using: &generator)] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                }
                bytes += Self.frames(payload, of: Int.random(in: 1...7, using: &generator)).joined()
            }
            let cuts = (0..<6).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            var whole = Self.driver()
            var cut = Self.driver()
            let actions = whole.feed(bytes)
            #expect(cut.feed(bytes, cutAt: cuts) == actions)
            #expect(cut.state.phase == whole.state.phase)
        }
    }
}
