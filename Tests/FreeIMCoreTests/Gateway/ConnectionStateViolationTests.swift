import NIOCore
import Testing

@testable import FreeIMCore

private typealias F = ClientFrame

@Suite("Connection state: what terminals must not send")
struct ConnectionStateViolationTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let bytes: [UInt8]
        let code: CloseCode
        var testDescription: String { name }

        init(_ name: String, _ bytes: [UInt8], _ code: CloseCode = .protocolError) {
            self.name = name
            self.bytes = bytes
            self.code = code
        }
    }

    private static let half = F.make(F.text, "Hel", isFinal: false)

    static let cases: [Case] =
        (1...7).map { Case("reserved bits \($0)", F.make(F.text, Array("x".utf8), reserved: $0)) }
        + [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF].map { Case("opcode \($0)", F.make($0)) }
        + [F.text, F.binary, F.close, F.ping].map { Case("opcode \($0) without a mask", F.make($0, key: nil)) }
        + [F.close, F.ping, F.pong].flatMap { opcode in
            [
                Case("opcode \(opcode) as a fragment", F.make(opcode, isFinal: false)),
                Case("opcode \(opcode) with 126 bytes", F.make(opcode, Array(repeating: 0x20, count: 126))),
                Case("opcode \(opcode) with the 64-bit length", F.make(opcode, [1], lengthBytes: 8)),
            ]
        } + [
            Case("16-bit length for 125 bytes", F.make(F.text, Array(repeating: 0x20, count: 125), lengthBytes: 2)),
            Case("64-bit length for 3 bytes", F.make(F.text, Array("abc".utf8), lengthBytes: 8)),
            Case("64-bit length for 65,535 bytes", [0x82, 0xFF] + F.bigEndian(65_535) + [1, 2, 3, 4]),
            Case("length with the first bit set", [0x82, 0xFF] + F.bigEndian(1 << 63) + [1, 2, 3, 4]),
            Case("length with all bits set", [0x82, 0xFF] + F.bigEndian(.max) + [1, 2, 3, 4]),
            Case("the longest length", [0x82, 0xFF] + F.bigEndian(.max >> 1) + [1, 2, 3, 4], .messageTooBig),
            Case("continuation of nothing", F.make(F.continuation, "x")),
            Case("unfinished continuation of nothing", F.make(F.continuation, "x", isFinal: false)),
            Case("text within a message", half + F.make(F.text, "lo")),
            Case("binary within a message", half + F.make(F.binary, "lo")),
            Case("close with half a code", F.make(F.close, [3])),
            Case("close reason that is not UTF-8", F.close(1000, [0xFF]), .invalidData),
            Case("close reason with a cut character", F.close(1000, [0xE7, 0xBE]), .invalidData),
            Case("text that is not UTF-8", F.make(F.text, [0x61, 0x80]), .invalidData),
            Case("text with an overlong form", F.make(F.text, [0xC0, 0xAF]), .invalidData),
            Case("text with a surrogate", F.make(F.text, [0xED, 0xA0, 0x80]), .invalidData),
            Case("text above U+10FFFF", F.make(F.text, [0xF4, 0x90, 0x80, 0x80]), .invalidData),
            Case("text that ends in a character", F.make(F.text, [0x61, 0xE7, 0xBE]), .invalidData),
            Case(
                "text whose fragments end in a character",
                F.make(F.text, [0xE7], isFinal: false) + F.make(F.continuation, [0xBE]), .invalidData),
            Case(
                "text whose fragments do not fit together",
                F.make(F.text, [0xE7], isFinal: false) + F.make(F.continuation, [0x41]), .invalidData),
        ]
        + [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map {
            Case("close code \($0)", F.close($0))
        }

    @Test("it is refused, cut at any byte and with anything behind it", arguments: cases)
    func refused(_ test: Case) {
        let bytes = test.bytes + F.make(F.text, "behind")
        var expected: CloseCode?
        for cut in 0...test.bytes.count {
            var driver = StateDriver()
            let actions = driver.feed(bytes, cutAt: [cut])
            guard actions.count == 1, case .fail(let code, let reason) = actions[0] else {
                Issue.record("cut at \(cut): \(actions)")
                return
            }
            #expect(code == test.code)
            #expect(!reason.isEmpty && reason.utf8.count <= 123)
            #expect(driver.state.phase == .closed)
            expected = code
        }
        #expect(expected == test.code)
    }

    @Test("a refused frame takes back nothing of what came before")
    func before() {
        var driver = StateDriver()
        let actions = driver.feed(F.make(F.text, "1") + F.make(F.ping) + F.make(0x3))
        #expect(actions.prefix(2) == [.message(.text, ByteBuffer(string: "1")), .pong(ByteBuffer())])
        #expect(actions.count == 3)
    }

    @Test("a reserved bit, opcode, or missing mask is seen before the frame is there")
    func early() {
        for start in [[0xC1], [0x83], [0x81, 0x05], [0x09], [0x89, 0xFE], [0x88, 0xFF]] as [[UInt8]] {
            var driver = StateDriver()
            let actions = driver.feed(start)
            guard case .fail(.protocolError, _)? = actions.first else {
                Issue.record("\(start): \(actions)")
                continue
            }
        }
    }

    @Test("a frame that is too long is refused with its header", arguments: [true, false])
    func tooLongEarly(keepsMessages: Bool) {
        var driver = StateDriver()
        driver.limits.keepsMessages = keepsMessages
        let actions = driver.feed(F.make(F.binary, Array(repeating: 0, count: 65_537)).prefix(14))
        guard case .fail(.messageTooBig, _)? = actions.first else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test("text is refused at the byte that cannot be UTF-8, in the middle of its frame", arguments: [true, false])
    func failsFast(keepsMessages: Bool) {
        let start = Array("\u{3BA}\u{1F79}\u{3C3}".utf8)
        let bad: [UInt8] = [0xF4, 0x90]
        let frame = F.make(F.text, start + bad + Array(repeating: 0x20, count: 100))
        for cut in frame.indices {
            var driver = StateDriver()
            driver.limits.keepsMessages = keepsMessages
            // Six bytes of header: the second bad byte makes it impossible.
            let isSeen = cut >= 6 + start.count + 2
            let actions = driver.feed(frame.prefix(cut))
            #expect(actions.isEmpty != isSeen, "after \(cut) bytes")
        }
    }

    @Test("binary may hold any bytes, fragmented or not", arguments: [true, false])
    func binaryIsNotChecked(keepsMessages: Bool) {
        var driver = StateDriver()
        driver.limits.keepsMessages = keepsMessages
        let actions = driver.feed(
            F.make(F.binary, [0xFF, 0xC0]) + F.make(F.binary, [0xE7], isFinal: false) + F.make(F.continuation, [0x41])
                + F.make(F.text, "x"))
        #expect(actions.count == 3)
        #expect(driver.state.phase == .open)
    }
}
