import FreeIMCore
import Testing

@Suite("Client ids")
struct ClientIDTests {
    private static let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

    @Test("the canonical form of an Int64 is a number", arguments: [0, 7, -1, .max, .min] as [Int64])
    func numbers(_ number: Int64) {
        #expect(ClientID(String(number))?.kind == .number(number))
        #expect(ClientID(String(number)) == ClientID(number))
    }

    @Test(
        "any other form is a name",
        arguments: [
            "007", "+5", "-0", "5.0", "1e2", " 5", "5 ", "9223372036854775808", "-9223372036854775809", "\u{665}",
            "alice",
            "3f2504e0-4f89-41d3-9a0c-0305e82c330", "3f2504e0-4f89-41d3-9a0c-0305e82c330g",
            "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}", "3f2504e04f8941d39a0c0305e82c3301",
            "3f2504e04-f89-41d3-9a0c-0305e82c3301",
        ])
    func names(_ text: String) {
        #expect(ClientID(text)?.kind == .name(text))
    }

    @Test("a GUID is the same in upper and lower case")
    func guids() throws {
        let id = try #require(ClientID(Self.guid))
        #expect(id.kind == .guid(0x3F25_04E0_4F89_41D3, 0x9A0C_0305_E82C_3301))
        #expect(ClientID(Self.guid.uppercased()) == id)
        #expect(id.description == Self.guid)
    }

    @Test("a text of 64 bytes is an id, one of 65 is not")
    func length() {
        #expect(ClientID(String(repeating: "x", count: 64)) != nil)
        #expect(ClientID(String(repeating: "x", count: 65)) == nil)
        #expect(ClientID(String(repeating: "\u{7FA4}", count: 21) + "x") != nil)
        #expect(ClientID(String(repeating: "\u{7FA4}", count: 22)) == nil)
    }

    @Test("nothing and control characters are no id", arguments: ["", "\0", "a\n", "\u{1F}", "\u{7F}", "a\tb", "\r\n"])
    func refused(_ text: String) {
        #expect(ClientID(text) == nil)
    }

    @Test(
        "the description of an id denotes it",
        arguments: ["0", "-5", "007", guid, "00000000-0000-0000-0000-00000000000f", "群 聊", "a/b?c", "\u{1F600}"])
    func description(_ text: String) throws {
        let id = try #require(ClientID(text))
        #expect(id.description == text)
        #expect(ClientID(id.description) == id)
    }

    @Test("0 and the empty GUID are the system, and nothing else is")
    func system() throws {
        #expect(ClientID(0).isSystem)
        #expect(try #require(ClientID("00000000-0000-0000-0000-000000000000")).isSystem)
        for text in ["1", "00", "00000000-0000-0000-0000-000000000001", "10000000-0000-0000-0000-000000000000"] {
            #expect(try !#require(ClientID(text)).isSystem)
        }
    }

    @Test("canonically equivalent texts of different bytes are different clients")
    func composition() throws {
        let composed = try #require(ClientID("\u{E9}"))
        let decomposed = try #require(ClientID("e\u{301}"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
    }
}

@Suite("Channel names")
struct ChannelNameTests {
    @Test("a name has 1 to 255 bytes")
    func length() {
        #expect(ChannelName("") == nil)
        #expect(ChannelName("x")?.text == "x")
        #expect(ChannelName(String(repeating: "x", count: 255)) != nil)
        #expect(ChannelName(String(repeating: "x", count: 256)) == nil)
        #expect(ChannelName(String(repeating: "\u{7FA4}", count: 86)) == nil)
    }

    @Test("a name has no control characters", arguments: ["\0", "a\n", "\u{1F}x", "\u{7F}"])
    func controls(_ text: String) {
        #expect(ChannelName(text) == nil)
    }

    @Test("a name may hold blanks, quotes and any script", arguments: ["群 聊 😀", "q\"x", " ", "a/b:c"])
    func texts(_ text: String) {
        #expect(ChannelName(text)?.text == text)
        #expect(ChannelName(text)?.description == text)
    }

    @Test("canonically equivalent names of different bytes are different channels")
    func composition() throws {
        let composed = try #require(ChannelName("\u{E9}"))
        let decomposed = try #require(ChannelName("e\u{301}"))
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
    }
}
