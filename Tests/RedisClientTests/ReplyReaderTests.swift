import NIOCore
import Testing

@testable import RedisClient

@Suite("The reader")
struct ReplyReaderTests {
    private func read(
        _ text: String, piece: Int = .max, limits: RedisReplyLimits = RedisReplyLimits(), sharesBytes: Bool = false
    ) throws -> [RedisValue] {
        let reader = try ReplyReader(limits: limits, sharesBytes: sharesBytes)
        var rest = ByteBuffer(string: text)
        var values: [RedisValue] = []
        while let bytes = rest.readSlice(length: min(piece, rest.readableBytes)), bytes.readableBytes > 0 {
            try reader.read(bytes) { values.append($0) }
        }
        return values
    }

    static let sample =
        "+OK\r\n:-42\r\n$5\r\nhe\r\no\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n-WRONGTYPE no\r\n*3\r\n*2\r\n:1\r\n*0\r\n$-1\r\n-ERR x\r\n"

    @Test("gives the same values however the bytes are cut", arguments: 1...40, [false, true])
    func pieces(_ piece: Int, sharesBytes: Bool) throws {
        func bulk(_ text: String) -> RedisValue { .bulk(ByteBuffer(string: text)) }
        let values = try read(Self.sample, piece: piece, sharesBytes: sharesBytes)
        #expect(
            values == [
                .simple(ByteBuffer(string: "OK")), .integer(-42), bulk("he\r\no"), bulk(""), .null, .null, .array([]),
                .error(RedisError(reply: "WRONGTYPE no")),
                .array([.array([.integer(1), .array([])]), .null, .error(RedisError(reply: "ERR x"))]),
            ])
    }

    @Test("shares the bytes of strings that came in one piece")
    func shares() throws {
        let reader = try ReplyReader(limits: RedisReplyLimits(), sharesBytes: true)
        // Long enough that hiredis moves its bytes to the front in between.
        let texts = (0..<200).map { String(repeating: String($0), count: 20) }
        let encoded = ByteBuffer(string: texts.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined())
        var found: [String] = []
        func isShared(_ bytes: ByteBuffer) -> Bool {
            encoded.withUnsafeReadableBytes { all in
                bytes.withUnsafeReadableBytes { part in
                    guard let all = all.baseAddress, let part = part.baseAddress else { return false }
                    return (0..<encoded.readableBytes).contains(part - all)
                }
            }
        }
        try reader.read(encoded) { value in
            #expect(value.bytes.map(isShared) == true)
            found.append(value.string ?? "")
        }
        #expect(found == texts)
    }

    @Test("reads replies larger than its portions", arguments: [false, true])
    func large(sharesBytes: Bool) throws {
        let text = String(repeating: "x", count: 300_000)
        let values = try read(
            "$300000\r\n\(text)\r\n*20000\r\n" + String(repeating: ":1\r\n", count: 20_000),
            sharesBytes: sharesBytes)
        #expect(values.first?.string == text)
        #expect(values.last?.array?.count == 20_000)
    }

    @Test("keeps the limit on elements, nested ones included")
    func elements() throws {
        var limits = RedisReplyLimits()
        limits.elements = 5
        #expect(try read("*5\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n", limits: limits).count == 1)
        #expect(try read("*2\r\n*2\r\n:1\r\n:1\r\n:1\r\n*2\r\n*2\r\n:1\r\n:1\r\n:1\r\n", limits: limits).count == 2)
        for text in ["*6\r\n", "*3\r\n*3\r\n", "*2\r\n*2\r\n:1\r\n:1\r\n*2\r\n"] {
            #expect(throws: RedisError(.protocolViolation, "Redis sent a reply of more than 5 elements")) {
                try read(text, limits: limits)
            }
        }
    }

    @Test("keeps the limit on depth")
    func depth() throws {
        var limits = RedisReplyLimits()
        limits.depth = 2
        #expect(try read("*1\r\n*1\r\n:1\r\n", limits: limits).count == 1)
        #expect(throws: RedisError(.protocolViolation, "Redis sent arrays nested deeper than 2")) {
            try read("*1\r\n*1\r\n*1\r\n", limits: limits)
        }
        #expect(try read(String(repeating: "*1\r\n", count: 7) + ":1\r\n").count == 1)
        #expect(throws: RedisError.self) { try read(String(repeating: "*1\r\n", count: 8)) }
    }

    @Test("keeps the limit on a string before its bytes have arrived")
    func bulk() throws {
        var limits = RedisReplyLimits()
        limits.bulkBytes = 10
        limits.replyBytes = 15
        #expect(try read("$10\r\n0123456789\r\n", limits: limits).count == 1)
        #expect(throws: RedisError.self) { try read("$11\r\n", limits: limits) }
        #expect(throws: RedisError.self) { try read("$11\r\n01234567890\r\n", limits: limits) }
        #expect(throws: RedisError.self) { try read("+01234567890\r\n", limits: limits) }
        #expect(throws: RedisError(.protocolViolation, "Redis sent a reply of more than 15 bytes")) {
            try read("*2\r\n$8\r\n01234567\r\n$8\r\n01234567\r\n", limits: limits)
        }
        #expect(try read("$8\r\n01234567\r\n$8\r\n01234567\r\n", limits: limits).count == 2)
    }

    @Test("keeps the limit on a line that does not end")
    func line() throws {
        for start in ["+", "-", ":", "$", "*", "$5\n", "+x\n"] {
            let reader = try ReplyReader(limits: RedisReplyLimits())
            try reader.read(ByteBuffer(string: start)) { _ in }
            #expect(throws: RedisError.self) {
                for _ in 0..<10_000 { try reader.read(ByteBuffer(string: String(repeating: "7", count: 100))) { _ in } }
            }
        }
    }

    @Test("stays with its first error")
    func sticky() throws {
        let reader = try ReplyReader(limits: RedisReplyLimits())
        #expect(throws: RedisError.self) { try reader.read(ByteBuffer(string: "?\r\n")) { _ in } }
        #expect(throws: RedisError.self) { try reader.read(ByteBuffer(string: "+OK\r\n")) { _ in } }
    }

    @Test("survives what chance sends", arguments: 0..<8)
    func chance(_ seed: Int) throws {
        var generator = Seeded(state: UInt64(seed))
        let alphabet = Array("*$+-:\r\n0123456789%~#,_>(=!|".utf8)
        for _ in 0..<100 {
            let reader = try ReplyReader(limits: RedisReplyLimits())
            var bytes = Array(Self.sample.utf8)
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let byte = alphabet.randomElement(using: &generator) ?? 0
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                if Bool.random(using: &generator) { bytes[index] = byte } else { bytes.insert(byte, at: index) }
            }
            for piece in [bytes[..<(bytes.count / 2)], bytes[(bytes.count / 2)...]] {
                try? reader.read(ByteBuffer(bytes: piece)) { _ in }
            }
        }
    }
}

/// Chance that can be had again (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
