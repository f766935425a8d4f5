import FreeIMCore
import NIOCore
import Testing

/// A debug build reads these bodies in well under a second where reading is linear, and in hours where it is not.
@Suite("Hostile bodies", .timeLimit(.minutes(2)))
struct EnvelopeHostileTests {
    private static let whole =
        #"__FreeIM__(ChanMessage){"$type":"x","Item1":1,"Item2":"\u7fa4","Item3":"{\"a\":[1,2]}","Item5":{"b":[null,{}]}}"#

    @Test("nesting is read to a depth of 64, whatever opens it", arguments: ["[", "{a:", "{\"Item2\":[", "[{a:["])
    func nesting(_ opening: String) {
        for start in ["", #"{"Item2":"#, #"{"Item5":"#, #"{"Item2":{"$type":"#] {
            let body = start + String(repeating: opening, count: 100_000)
            let code = failure { try decode(body) }
            #expect(code == .malformed || code == .invalidClient)
        }
        func nested(_ depth: Int) -> String {
            "{a:" + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(failure { try decode(nested(63)) } == nil)
        #expect(failure { try decode(nested(64)) } == .malformed)
    }

    @Test(
        "a body cut anywhere is an error", arguments: [whole, #"{"Item1":1,"Item2":[2,3],"Item3":"x","Item4":true}"#])
    func truncation(_ body: String) {
        let bytes = Array(body.utf8)
        for length in 0..<bytes.count {
            let cut = ByteBuffer(bytes: bytes.prefix(length))
            #expect(failure { try EnvelopeCodec.decode(cut) } != nil)
        }
    }

    @Test("whatever a mutated body decodes to is written and read back alike", arguments: [1, 2, 3, 4] as [UInt64])
    func mutation(_ seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        let bodies = BodyVector.all.map { Array($0.payload.utf8) } + [Array(Self.whole.utf8)]
        let alphabet = Array(#"{}[]"'\:,/*u0$ ItemdD8e-.|"#.utf8) + [0x00, 0x0A, 0x80, 0xC2, 0xE2, 0xFF]
        var decoded = 0
        for round in 0..<1_500 {
            var bytes = bodies[round % bodies.count]
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let offset = bytes.indices.randomElement(using: &random) ?? 0
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[offset] = alphabet.randomElement(using: &random) ?? 0
                case 1: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: offset)
                case 2: bytes.remove(at: offset)
                default: bytes.insert(contentsOf: bytes[offset...].prefix(12), at: offset)
                }
            }
            _ = try? PresenceEventBody.decode(ByteBuffer(bytes: bytes))
            _ = try? PresenceEventBody.decodeChannels(ByteBuffer(bytes: bytes))
            guard let envelope = try? EnvelopeCodec.decode(ByteBuffer(bytes: bytes)) else { continue }
            decoded += 1
            #expect(try EnvelopeCodec.decode(EnvelopeCodec.encode(envelope)) == envelope)
        }
        #expect(decoded > 100)
    }

    @Test("random bytes are never a message, and never a trap")
    func noise() {
        var random = SplitMix64(state: 5)
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            for head in ["", "{\"Item3\":\"", "__FreeIM__(ForceOffline)", "{a:"] {
                let body = ByteBuffer(bytes: Array(head.utf8) + bytes)
                _ = try? EnvelopeCodec.decode(body)
            }
        }
    }

    @Test(
        "time grows with the size alone",
        arguments: [
            "\"Item3\":\"\\\\\",", "\"Item2\":[1],", "/**/", "\"Item1\":\"x\",", "Item1:1e2,",
            "\"\\u0049tem4\":'true',", "a:[[]],",
        ])
    func linear(_ member: String) {
        let body = "{" + String(repeating: member, count: 60_000)
        #expect(failure { try decode(body) } == .malformed)
        #expect(failure { try decode(body + "}") } == nil)
    }

    @Test(
        "a token of a million bytes is read once",
        arguments: ["\"Item3\":\"", "\"Item1\":\"", "\"Item1\":", "\"Item4\":\"", "", "/*", "//", "\"Item2\":["])
    func longTokens(_ start: String) {
        for unit in ["1", " ", "\\u0041", "*", "1,"] {
            let body = "{" + start + String(repeating: unit, count: 200_000)
            #expect(failure { try decode(body) } != nil)
        }
    }
}

/// Numbers that a seed repeats (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
