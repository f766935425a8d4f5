import Deflate
import FreeIMTestSupport
import NIOCore
import Testing

@Suite("Deflate and inflate")
struct DeflateTests {
    static let whole: [(name: String, bytes: [UInt8], text: String)] = [
        ("RFC 7692 §7.2.3.1, one block", Compressed.hello, "Hello"),
        ("§7.2.3.3, without compression", [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], "Hello"),
        ("§7.2.3.4, a block that says it is the last", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "Hello"),
        (
            "a block that says it is the last, and another",
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00] + Compressed.hello, "HelloHello"
        ),
        (
            "§7.2.3.5, two blocks",
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], "Hello"
        ),
        ("§7.2.3.6, an empty message", [0x00], ""),
        ("§7.2.3.6, an empty message of another kind", [0x02, 0x00], ""),
        ("no bytes at all", [], ""),
    ]

    @Test("what RFC 7692 has as examples is inflated", arguments: whole)
    func examples(name: String, bytes: [UInt8], text: String) throws {
        #expect(try Inflater().whole(bytes) == Array(text.utf8))
    }

    @Test(
        "what is not whole deflate data is refused",
        arguments: [
            ("a block of a reserved kind", [0x07]), ("rubbish", Array("not compressed at all".utf8)),
            ("cut in a block", Array(Compressed.hello.dropLast(2))), ("one byte", [0xF2]),
            ("a length that does not match its check", [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48, 0x65, 0x6C, 0x6C, 0x6F]),
            ("RFC 7692 §7.2.3.2, which refers to a message before", [0xF2, 0x00, 0x11, 0x00, 0x00]),
            ("bytes behind the last block", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]),
        ] as [(String, [UInt8])])
    func refused(name: String, bytes: [UInt8]) throws {
        let inflater = Inflater()
        #expect(throws: InflateError.invalid) { try inflater.whole(Compressed.hello + bytes) }
        #expect(throws: InflateError.invalid) { try inflater.whole(bytes) }
        #expect(try inflater.whole(Compressed.hello) == Array("Hello".utf8))
    }

    @Test("rubbish ends, with whatever outcome", arguments: 0..<20 as Range<UInt64>)
    func rubbish(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let inflater = Inflater()
        for _ in 0..<200 {
            let bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            let count = (try? inflater.whole(bytes, limit: 100_000))?.count ?? 0
            #expect(count <= 100_000)
        }
    }

    @Test("no more than the limit is given of a bomb")
    func bomb() throws {
        let bomb = try Compressed.bytes(Array(repeating: 0, count: 50_000_000))
        #expect(bomb.count < 100_000)
        var given = 0
        #expect(throws: InflateError.tooLong) {
            try Inflater().inflate(ByteBuffer(bytes: bomb), limit: 65_536) { piece in
                given += piece.count
                return true
            }
        }
        #expect(given <= 65_536)
    }

    @Test("a message of exactly the limit is given, and one byte more is not", arguments: [1, 16_384, 16_385, 100_000])
    func limit(count: Int) throws {
        // Long enough to get smaller.
        let compressed = try Compressed.bytes(Array(repeating: 0x61, count: count + 20))
        #expect(try Inflater().whole(compressed, limit: count + 20).count == count + 20)
        #expect(throws: InflateError.tooLong) { try Inflater().whole(compressed, limit: count + 19) }
    }

    @Test("whoever takes the pieces can end it")
    func ended() throws {
        var pieces = 0
        let compressed = try Compressed.bytes(Array(repeating: 0, count: 1_000_000))
        #expect(throws: InflateError.refused) {
            try Inflater().inflate(ByteBuffer(bytes: compressed), limit: .max) { _ in
                pieces += 1
                return pieces < 3
            }
        }
        #expect(pieces == 3)
    }

    @Test("what is compressed comes back, one message after the other", arguments: 9...15 as ClosedRange<UInt8>)
    func roundTrip(window: UInt8) throws {
        var generator = SeededGenerator(seed: UInt64(window))
        let deflater = try #require(Deflater(level: Int(window) - 8, window: window))
        let inflater = Inflater()
        for _ in 0..<50 {
            let message = (0..<Int.random(in: 200...60_000, using: &generator)).map { _ in
                UInt8.random(in: 0x61...0x68, using: &generator)
            }
            let compressed = try #require(deflater.whole(message))
            #expect(compressed.count < message.count * 2 / 3)
            #expect(try inflater.whole(compressed) == message)
        }
    }

    @Test("a smaller window looks back less far", arguments: [(UInt8(15), true), (12, true), (10, false), (9, false)])
    func window(bits: UInt8, isSmaller: Bool) throws {
        var generator = SeededGenerator(seed: 1)
        let half = (0..<2_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let deflater = try #require(Deflater(level: 9, window: bits))
        #expect((deflater.whole(half + half) != nil) == isSmaller)
    }

    @Test("what does not get smaller is not compressed, and nothing is appended", arguments: [0, 1, 5, 1_000, 70_000])
    func incompressible(count: Int) throws {
        var generator = SeededGenerator(seed: 2)
        let message = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        var buffer = ByteBuffer(string: "before")
        let deflater = try #require(Deflater(level: 1, window: 15))
        #expect(message.withUnsafeBytes { deflater.deflate($0, to: &buffer) } == nil)
        #expect(String(buffer: buffer) == "before")
    }

    @Test("windows of 8 and 16 bits are none of zlib's")
    func windows() {
        #expect(Deflater(level: 1, window: 8) == nil)
        #expect(Deflater(level: 1, window: 16) == nil)
    }
}
