import FreeIMTestSupport
import NIOCore
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Connection state: what terminals may send")
struct ConnectionStateTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        let actions: [ConnectionState.Action]
        var testDescription: String { name }
    }

    private static func text(_ text: String) -> ConnectionState.Action { .message(.text, ByteBuffer(string: text)) }
    private static func binary(_ bytes: [UInt8]) -> ConnectionState.Action {
        .message(.binary, ByteBuffer(bytes: bytes))
    }

    static let cases: [Case] = [
        Case(name: "a text", bytes: F.make(F.text, "Hello"), actions: [text("Hello")]),
        Case(name: "an empty text", bytes: F.make(F.text), actions: [text("")]),
        Case(name: "a text of the 7-bit length", bytes: F.make(F.text, x(125)), actions: [text(x(125))]),
        Case(name: "a text of the 16-bit length", bytes: F.make(F.text, x(126)), actions: [text(x(126))]),
        Case(name: "binary", bytes: F.make(F.binary, all), actions: [binary(all)]),
        Case(name: "an empty binary", bytes: F.make(F.binary), actions: [binary([])]),
        Case(name: "a mask of zeros", bytes: F.make(F.binary, all, key: [0, 0, 0, 0]), actions: [binary(all)]),
        Case(
            name: "messages back to back",
            bytes: F.make(F.text, "1") + F.make(F.binary, [2]) + F.make(F.text, "3"),
            actions: [text("1"), binary([2]), text("3")]),
        Case(
            name: "two fragments",
            bytes: F.make(F.text, "Hel", isFinal: false) + F.make(F.continuation, "lo"), actions: [text("Hello")]),
        Case(
            name: "empty fragments",
            bytes: F.make(F.binary, isFinal: false) + F.make(F.continuation, [1, 2], isFinal: false)
                + F.make(F.continuation, isFinal: false) + F.make(F.continuation),
            actions: [binary([1, 2])]),
        Case(
            name: "a character cut by fragments",
            bytes: F.make(F.text, Array("\u{1F600}".utf8.prefix(1)), isFinal: false)
                + F.make(F.continuation, Array("\u{1F600}".utf8.dropFirst(1).prefix(2)), isFinal: false)
                + F.make(F.continuation, Array("\u{1F600}".utf8.suffix(1))),
            actions: [text("\u{1F600}")]),
        Case(
            name: "a fragmented message, then another",
            bytes: F.make(F.binary, [0xFF], isFinal: false) + F.make(F.continuation, [0xFE]) + F.make(F.text, "x"),
            actions: [binary([0xFF, 0xFE]), text("x")]),
        Case(name: "an empty ping", bytes: F.make(F.ping), actions: [.pong(ByteBuffer())]),
        Case(
            name: "the longest ping", bytes: F.make(F.ping, x(125)), actions: [.pong(ByteBuffer(string: x(125)))]),
        Case(name: "a pong that nobody asked for", bytes: F.make(F.pong, "?"), actions: [.pongReceived]),
        Case(
            name: "control frames between fragments",
            bytes: F.make(F.text, "Hel", isFinal: false) + F.make(F.ping, "1") + F.make(F.pong) + F.make(F.ping, "2")
                + F.make(F.continuation, "lo"),
            actions: [
                .pong(ByteBuffer(string: "1")), .pongReceived, .pong(ByteBuffer(string: "2")), text("Hello"),
            ]),
        Case(name: "a close without a code", bytes: F.make(F.close), actions: [.acknowledgeClose(nil)]),
        Case(name: "a close with a code", bytes: F.close(1000), actions: [.acknowledgeClose(.normal)]),
        Case(
            name: "a close with a reason", bytes: F.close(4321, Array("\u{7FA4} bye".utf8)),
            actions: [.acknowledgeClose(CloseCode(rawValue: 4321))]),
        Case(
            name: "a close with the longest reason", bytes: F.close(1001, Array(x(123).utf8)),
            actions: [.acknowledgeClose(.goingAway)]),
        Case(
            name: "a close between fragments",
            bytes: F.make(F.text, "Hel", isFinal: false) + F.close(1000) + F.make(F.continuation, "lo"),
            actions: [.acknowledgeClose(.normal)]),
        Case(
            name: "anything behind a close", bytes: F.close(1000) + F.make(F.text, "x") + F.make(F.ping) + all,
            actions: [.acknowledgeClose(.normal)]),
    ]

    private static let all = Array(UInt8.min...UInt8.max)
    private static func x(_ count: Int) -> String { String(repeating: "x", count: count) }

    @Test("it is understood, in one piece", arguments: cases)
    func whole(_ test: Case) {
        var driver = StateDriver()
        #expect(driver.feed(test.bytes) == test.actions)
    }

    @Test("it is understood, cut at any byte", arguments: cases)
    func cut(_ test: Case) {
        for cut in 0...test.bytes.count {
            var driver = StateDriver()
            #expect(driver.feed(test.bytes, cutAt: [cut]) == test.actions, "cut at \(cut)")
        }
    }

    @Test("it is understood, byte by byte", arguments: cases)
    func bytes(_ test: Case) {
        var driver = StateDriver()
        #expect(driver.feed(test.bytes, cutAt: Array(test.bytes.indices)) == test.actions)
    }

    @Test("a message of the 64-bit length is understood, cut in its header and at its end")
    func longMessage() {
        let payload = (0..<65_536).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let bytes = F.make(F.binary, payload)
        for cut in Array(0...16) + [bytes.count - 1, bytes.count] {
            var driver = StateDriver()
            #expect(driver.feed(bytes, cutAt: [cut]) == [.message(.binary, ByteBuffer(bytes: payload))])
        }
    }

    @Test("random messages with random fragments, masks and cuts come out whole", arguments: 0..<20 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        var actions: [ConnectionState.Action] = []
        for _ in 0..<20 {
            let payload = (0..<Int.random(in: 0..<300, using: &generator)).map { _ in
                UInt8.random(in: 0...127, using: &generator)
            }
            let isText = Bool.random(using: &generator)
            var rest = payload[...]
            var opcode = isText ? F.text : F.binary
            repeat {
                let piece = rest.prefix(Int.random(in: 0...300, using: &generator))
                rest = rest.dropFirst(piece.count)
                let key = (0..<4).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                bytes += F.make(opcode, Array(piece), isFinal: rest.isEmpty, key: key)
                opcode = F.continuation
                if !rest.isEmpty, Bool.random(using: &generator) {
                    bytes += F.make(F.ping, [UInt8(piece.count & 0x7F)])
                    actions.append(.pong(ByteBuffer(bytes: [UInt8(piece.count & 0x7F)])))
                }
            } while !rest.isEmpty
            actions.append(.message(isText ? .text : .binary, ByteBuffer(bytes: payload)))
        }
        let cuts = (0..<40).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
        var driver = StateDriver()
        #expect(driver.feed(bytes, cutAt: cuts) == actions)
    }
}
