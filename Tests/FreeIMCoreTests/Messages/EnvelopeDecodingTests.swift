import FreeIMCore
import NIOCore
import Testing

@Suite("Reading bodies")
struct EnvelopeDecodingTests {
    @Test(
        "escapes are undone as Json.NET does",
        arguments: [
            (#""\"\\\/\b\f\n\r\t\'""#, "\"\\/\u{8}\u{C}\n\r\t'"),
            (#""\u0041\u00e9\u4F60""#, "A\u{E9}\u{4F60}"),
            (#""\ud83d\ude00""#, "\u{1F600}"),
            (#""\uDBFF\uDFFF""#, "\u{10FFFF}"),
            (#""a\ud83dz""#, "a\u{FFFD}z"),
            (#""a\ud83d""#, "a\u{FFFD}"),
            (#""\ude00z""#, "\u{FFFD}z"),
            (#""\ud83d\u0041""#, "\u{FFFD}A"),
            (#""\ud83d\n""#, "\u{FFFD}\n"),
            (#""\ud83d\ud83d\ude00""#, "\u{FFFD}\u{1F600}"),
            (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
            (#""\u0000""#, "\0"),
            ("\"raw\n\t\u{1}\"", "raw\n\t\u{1}"),
            ("'say \"hi\"'", "say \"hi\""),
            (#""""#, ""),
            ("0x1F", "0x1F"), ("1e5", "1e5"), (".5", ".5"), ("-7", "-7"), ("false", "false"), ("NaN", "NaN"),
            ("-Infinity", "-Infinity"), ("99999999999999999999", "99999999999999999999"),
        ])
    func texts(_ json: String, _ text: String) throws {
        #expect(try payload(json) == text)
    }

    @Test(
        "a text that Json.NET refuses is malformed",
        arguments: [
            #""\x""#, #""\u12""#, #""\u12G4""#, #""\""#, "\"", "'a\"", "{}", "[]", "tru", "truex", "undefined", "-",
            "1-2",
            "08", "0x", "0xG", "1e", "1.2.3", "--1", "+1", "0x12345678901234567", "\u{FEFF}1", "",
        ])
    func refusedTexts(_ json: String) {
        #expect(failure { try payload(json) } == .malformed)
    }

    @Test("a long text with escapes at every distance comes out whole")
    func longTexts() throws {
        for distance in 0...40 {
            let plain = String(repeating: "x", count: distance)
            let text = try payload("\"" + String(repeating: plain + #"\"\u4f60"#, count: 20) + plain + "\"")
            #expect(text == String(repeating: plain + "\"\u{4F60}", count: 20) + plain)
        }
    }

    @Test("a payload without escapes shares the body's memory")
    func zeroCopy() throws {
        let body = slice(#"{"Item3":"plain"}"#)
        guard case .direct(let message) = try EnvelopeCodec.decode(body) else {
            Issue.record("not point to point")
            return
        }
        let base = body.withUnsafeReadableBytes { $0.baseAddress.map(UInt.init(bitPattern:)) }
        let shared = message.payload.withUnsafeReadableBytes { $0.baseAddress.map(UInt.init(bitPattern:)) }
        #expect(shared == base.map { $0 + 10 })
    }

    @Test(
        "ids are numbers as Convert.ToInt64 takes them, GUIDs and names",
        arguments: [
            ("1", 1), ("-9", -9), ("9223372036854775807", .max), ("-9223372036854775808", .min), ("\"12\"", 12),
            ("1e2", 100), ("2.5", 2), ("3.5", 4), ("-2.5", -2), ("-0.5", 0), (".5", 0), ("5.", 5), ("0x10", 16),
            ("010", 8), ("true", 1), ("false", 0), ("0xFFFFFFFFFFFFFFFF", -1), ("-01", -1),
            ("/* c */ 5 // d\n", 5),
            ("\"3f2504e0-4f89-41d3-9a0c-0305e82c3301\"", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
            ("\"3F2504E0-4F89-41D3-9A0C-0305E82C3301\"", "3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
            ("\"alice\"", "alice"), ("'alice'", "alice"), ("\"007\"", "007"), ("\"+5\"", "+5"),
            (#""\u7fa4""#, "\u{7FA4}"),
        ] as [(String, ID)])
    func ids(_ json: String, _ id: ID) throws {
        let message = try direct(#"{"Item2":["# + json + "]}")
        #expect(message.receivers == [id.client])
    }

    @Test(
        "what is no id is refused",
        arguments: [
            "null", "undefined", "\"\"", "\"a\\nb\"", "1e19", "1e400", "9223372036854775808", "NaN", "{}", "[]", ",1",
            "\"" + String(repeating: "x", count: 65) + "\"",
        ])
    func refusedIDs(_ json: String) {
        #expect(failure { try decode(#"{"Item2":["# + json + "]}") } == .invalidClient)
        #expect(failure { try decode(#"{"Item1":"# + json + "}") } == .invalidClient)
    }

    @Test("the system is no sender", arguments: ["0", "\"0\"", "0.4", "\"00000000-0000-0000-0000-000000000000\""])
    func system(_ json: String) throws {
        let message = try direct(#"{"Item1":"# + json + "}")
        #expect(message.sender == nil)
    }

    @Test(
        "lists may be wrapped, missing, and end with a comma",
        arguments: [
            ("[1,2]", [1, 2]), ("[1,2,]", [1, 2]), ("[ ]", []), ("null", []), ("undefined", []), ("\"\"", []), ("", []),
            (#"{"$type":"List","$values":[1]}"#, [1]), (#"{"$id":"1","$values":[1,2,]}"#, [1, 2]),
            ("[1/**/,/**/2]", [1, 2]), ("\u{A0}[\u{3000}1\u{2028}]", [1]),
        ] as [(String, [ClientID])])
    func lists(_ json: String, _ clients: [ClientID]) throws {
        let message = try direct(#"{"Item2":"# + json + #","Item3":"x"}"#)
        #expect(message.receivers == clients)
    }

    @Test(
        "what is no list is malformed",
        arguments: [
            "1", "\"1\"", "true", "{}", #"{"$type":"List"}"#, #"{"$values":1}"#, "[1 2]", "[1", "[1}", #"{"a":[1]}"#,
        ])
    func refusedLists(_ json: String) {
        #expect(failure { try decode(#"{"Item2":"# + json + "}") } == .malformed)
    }

    @Test(
        "receipts are wanted by everything that Json.NET takes for true",
        arguments: [
            ("true", true), ("1", true), ("-0.5", true), ("\" True \"", true), ("'TRUE'", true), ("0", false),
            ("0.0", false), ("\"false\"", false), ("99999999999999999999", true),
        ])
    func receipts(_ json: String, _ isWanted: Bool) throws {
        let message = try direct(#"{"Item4":"# + json + "}")
        #expect(message.wantsReceipt == isWanted)
    }

    @Test("what is neither true nor false is malformed", arguments: ["null", "\"\"", "\"1\"", "yes", "{}", "NaN", ""])
    func refusedReceipts(_ json: String) {
        #expect(failure { try decode(#"{"Item4":"# + json + "}") } == .malformed)
    }

    @Test(
        "whatever stands beside the known members is passed over",
        arguments: [
            #""$type":"System.ValueTuple","#, #""Item5":{"a":[{},[],{"b":null,},1,],'c':.5},"#, "x_$1:undefined,",
            #""Item33":NaN,"#, "\"Item\":-Infinity,", "\u{7FA4}\u{A0}:1,", "/**/ //\n", #""a":,"#, #""a":[,,],"#, "\0",
            #""It\u0065m3":1,"Item3":2,"#,
        ])
    func otherMembers(_ json: String) throws {
        let message = try direct("\0{" + json + #""IT\u0045m3":"x"} // end"#)
        #expect(String(buffer: message.payload) == "x")
    }

    @Test(
        "a body that is no object is malformed",
        arguments: [
            "", " ", "{", "{,}", "{1}", "{\"Item3\"}", "{\"Item3\" /**/ :1}", "{a:1,,}", "{a:1 b:2}", "{a:1]", "{a:[}}",
            "{a:{]}",
            "{} {}", "{}x", "{}/", "/* {}", "/", "{a:1/}", "{a:new Date(1)}", "{a-b:1}", "{:1}", "undefined", "5", "5|",
            "|{}",
            "0\r\n ", "0\r",
        ])
    func malformed(_ body: String) {
        #expect(failure { try decode(body) } == .malformed)
    }

    @Test("a body of ImCore 1.0 is read without its ticks")
    func ticks() throws {
        let body =
            #"638000000000000000|{"Item1":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","Item2":["00000000-0000-0000-0000-0000000000Ff"],"Item3":"1","Item4":true}"#
        let sender = try #require(ClientID("3f2504e0-4f89-41d3-9a0c-0305e82c3301"))
        let receiver = try #require(ClientID("00000000-0000-0000-0000-0000000000ff"))
        let message = DirectMessage(
            sender: sender, receivers: [receiver], payload: ByteBuffer(string: "1"), wantsReceipt: true)
        #expect(try decode(body) == .direct(message))
    }

    @Test("ImCore's keep-alive is told apart")
    func keepAlive() {
        #expect(failure { try decode("0\r\n") } == .keepAlive)
    }

    @Test("an unknown command is unsupported")
    func unknownCommand() {
        #expect(failure { try decode("__FreeIM__(Other)5") } == .unsupported)
        #expect(failure { try decode("__FreeIM__(") } == .unsupported)
    }

    @Test("a channel's name that is too long or holds a control character is refused")
    func channelNames() {
        for name in [String(repeating: "x", count: 256), #"a\u0001"#] {
            let body = #"__FreeIM__(ChanMessage){"Item2":""# + name + #"","Item3":"x"}"#
            #expect(failure { try decode(body) } == .invalidChannel)
        }
    }

    @Test(
        "a text that is not UTF-8 is refused",
        arguments: [
            [0x80], [0xC3], [0xC0, 0x80], [0xE4, 0xBD], [0xE4, 0x22], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80],
            [0xF0, 0x8F, 0x80, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98, 0x20], [0xFF],
            [0xE4, 0xBD, 0x5C, 0x6E],
        ] as [[UInt8]])
    func invalidUTF8(_ bytes: [UInt8]) {
        for head in [#"{"Item3":""#, #"__FreeIM__(ChanMessage){"Item2":""#, #"{"Item1":""#] {
            let body = ByteBuffer(bytes: Array(head.utf8) + bytes + Array("\"}".utf8))
            let code = failure { try EnvelopeCodec.decode(body) }
            // A quote inside a broken character ends the string, and what follows is no JSON.
            #expect(code == .invalidText || (bytes.contains(0x22) && code == .malformed))
        }
    }

    @Test("an error tells where reading stopped")
    func offsets() {
        #expect(throws: EnvelopeError(.malformed, "a list is expected", at: 9)) { try decode(#"{"Item2":5}"#) }
        #expect(
            "\(EnvelopeError(.malformed, "a list is expected", at: 9))" == "a list is expected, at byte 9 [malformed]")
    }
}

/// A literal for an id of any kind.
struct ID: Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral, CustomTestStringConvertible {
    let client: ClientID
    init(integerLiteral value: Int64) { client = ClientID(value) }
    init(stringLiteral value: String) { client = ClientID(value) ?? 0 }
    static var max: ID { ID(integerLiteral: .max) }
    static var min: ID { ID(integerLiteral: .min) }
    var testDescription: String { client.description }
}
