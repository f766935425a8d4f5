import FoundationEssentials
import NIOCore
import Testing

@testable import FreeIMAPI

@Suite("JSON reader")
struct JSONReaderTests {
    @Test(
        "Names and values are found where they stand",
        arguments: [
            ("{}", []), (#" { "a" : 1 } "#, [(#""a""#, "1")]),
            (#"{"a":{"b":[1,{"c":"}\""}]},"d":[ ]}"#, [(#""a""#, #"{"b":[1,{"c":"}\""}]}"#), (#""d""#, "[ ]")]),
            (#"{"":-0.0e+0,"\u0061":null}"#, [(#""""#, "-0.0e+0"), (#""\u0061""#, "null")]),
        ])
    func members(_ text: String, _ expected: [(String, String)]) throws {
        let buffer = ByteBuffer(string: text)
        var reader = JSONReader(buffer)
        let members = try reader.object().map { (part(buffer, $0.name), part(buffer, $0.value)) }
        #expect(members.map(\.0) == expected.map(\.0))
        #expect(members.map(\.1) == expected.map(\.1))
    }

    @Test("Positions hold for a buffer that does not begin at 0")
    func slice() throws {
        var buffer = ByteBuffer(string: "xyz{\"a\":[1,22]}")
        buffer.moveReaderIndex(forwardBy: 3)
        var reader = JSONReader(buffer)
        let value = try #require(try reader.object().first).value
        #expect(part(buffer, value) == "[1,22]")
    }

    @Test(
        "Only RFC 8259 passes",
        arguments: [
            "", "nul", "nulll", "01", "-", "1.", ".5", "1e", "1e+", "+1", "0x1", "\"", "\"\\", "\"\\u12g4\"", "[1 2]",
            "[1,]", "[,1]", "[", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "'a'", "//", "1 1", "\"\u{7}\"", "{,}",
        ])
    func refused(_ value: String) {
        var reader = JSONReader(ByteBuffer(string: "{\"a\":\(value)}"))
        #expect(throws: APIFault.self) { try reader.object() }
    }

    @Test("Nesting has a limit")
    func depth() throws {
        func nested(_ depth: Int) -> ByteBuffer {
            let open = String(repeating: "[", count: depth)
            return ByteBuffer(string: "{\"a\":\(open)\(String(repeating: "]", count: depth))}")
        }
        var deepest = JSONReader(nested(JSONReader.maximumDepth - 1))
        #expect(try deepest.object().count == 1)
        var tooDeep = JSONReader(nested(JSONReader.maximumDepth))
        #expect(throws: APIFault.self) { try tooDeep.object() }
        var abyss = JSONReader(nested(1_000_000))
        #expect(throws: APIFault.self) { try abyss.object() }
    }

    @Test("Any bytes are read without a trap, and what passes passes Foundation")
    func noise() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array(#"{}[]",:\u0a1e+-. tfn"#.utf8)
        for _ in 0..<20_000 {
            let length = Int.random(in: 0..<12, using: &generator)
            let noise = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            let bytes = Array("{\"a\":".utf8) + noise + Array("}".utf8)
            var reader = JSONReader(ByteBuffer(bytes: bytes))
            guard (try? reader.object()) != nil else { continue }
            #expect(throws: Never.self) { try JSONDecoder().decode(Anything.self, from: Data(bytes)) }
        }
    }

    private struct Anything: Decodable {
        init(from decoder: any Decoder) {}
    }

    private func part(_ buffer: ByteBuffer, _ range: Range<Int>) -> String {
        String(buffer: buffer.slice(range))
    }
}
