import FreeIMCore
import NIOCore
import Testing

@Suite("Writing bodies")
struct EnvelopeEncodingTests {
    private static let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

    @Test("a point-to-point message is FreeIM's tuple of four")
    func direct() {
        let message = DirectMessage(
            sender: 7, receivers: [1, -2, ID("007").client, ID(stringLiteral: Self.guid).client],
            payload: ByteBuffer(string: "\"hi\""), wantsReceipt: true)
        #expect(
            encoded(.direct(message))
                == #"{"Item1":7,"Item2":[1,-2,"007","3f2504e0-4f89-41d3-9a0c-0305e82c3301"],"Item3":"\"hi\"","Item4":true}"#
        )
    }

    @Test("no sender is 0")
    func system() {
        let message = DirectMessage(sender: nil, receivers: [], payload: ByteBuffer())
        #expect(encoded(.direct(message)) == #"{"Item1":0,"Item2":[],"Item3":"","Item4":false}"#)
    }

    @Test("a channel's message is FreeIM's tuple of three behind its command")
    func channel() throws {
        let channel = try #require(ChannelName("q\"x/\u{7FA4}"))
        #expect(
            encoded(.channel(sender: 1, channel: channel, payload: ByteBuffer(string: "null")))
                == "__FreeIM__(ChanMessage){\"Item1\":1,\"Item2\":\"q\\\"x/\u{7FA4}\",\"Item3\":\"null\"}")
        #expect(
            encoded(.broadcast(sender: nil, payload: ByteBuffer(string: "1")))
                == #"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"1"}"#)
    }

    @Test(
        "force-offline names numbers and GUIDs as they are, and other ids in quotes",
        arguments: [("-5", "-5"), (guid, guid), ("+5", "\"+5\""), ("alice", "\"alice\""), ("\"x\"", #""\"x\"""#)])
    func forceOffline(_ id: String, _ text: String) throws {
        let client = try #require(ClientID(id))
        #expect(encoded(.forceOffline(client)) == "__FreeIM__(ForceOffline)" + text)
        #expect(try decode("__FreeIM__(ForceOffline) \(text) ") == .forceOffline(client))
    }

    @Test("a change of channels is our own command", arguments: [MembershipChange.Kind.joined, .left, .present])
    func membership(_ kind: MembershipChange.Kind) throws {
        let channels = try [#require(ChannelName("a")), #require(ChannelName("b\"c"))]
        let change = MembershipChange(kind, client: 5, channels: channels, announce: kind == .joined)
        let text = #"__FreeIM__(Membership){"Item1":5,"Item2":["a","b\"c"],"Item3":""#
        #expect(encoded(.membership(change)) == text + "\(kind)\",\"Item4\":\(kind == .joined)}")
        #expect(try decode(encoded(.membership(change))) == .membership(change))
    }

    @Test("a change of channels without client, kind or names is an error")
    func malformedMembership() {
        let head = "__FreeIM__(Membership)"
        #expect(failure { try decode(head + #"{"Item3":"left"}"#) } == .invalidClient)
        #expect(failure { try decode(head + #"{"Item1":1}"#) } == .unsupported)
        #expect(
            failure { try decode(head + #"{"Item1":1,"Item3":"moved"}"#) } == .unsupported)
        #expect(
            failure { try decode(head + #"{"Item1":1,"Item2":[""],"Item3":"left"}"#) }
                == .invalidChannel)
    }

    @Test(
        "what Json.NET escapes is escaped, and nothing else",
        arguments: [
            ("\u{0}\u{1}\u{1F}", #"\u0000\u0001\u001f"#), ("\u{8}\u{9}\u{A}\u{C}\u{D}\u{B}", #"\b\t\n\f\r\u000b"#),
            ("\"\\/'<>&", #"\"\\/'<>&"#), ("\u{7F}\u{80}\u{84}\u{86}\u{A9}", "\u{7F}\u{80}\u{84}\u{86}\u{A9}"),
            ("\u{85}\u{2028}\u{2029}", #"\u0085\u2028\u2029"#),
            ("\u{2027}\u{202A}\u{2068}", "\u{2027}\u{202A}\u{2068}"),
            ("\u{4F60}\u{1F600}", "\u{4F60}\u{1F600}"), ("", ""),
        ])
    func escapes(_ text: String, _ escaped: String) throws {
        for distance in 0...16 {
            let plain = String(repeating: "x", count: distance)
            let json = "\"" + plain + escaped + plain + escaped + "\""
            #expect(quoted(plain + text + plain + text) == json)
            #expect(try payload(json) == plain + text + plain + text)
        }
    }

    @Test("a payload that ends inside a character is written as it is")
    func cutCharacters() {
        for bytes: [UInt8] in [[0xC2], [0xE2], [0xE2, 0x80]] {
            let message = DirectMessage(sender: nil, receivers: [], payload: ByteBuffer(bytes: bytes))
            let body = Array("{\"Item1\":0,\"Item2\":[],\"Item3\":\"".utf8) + bytes + Array("\",\"Item4\":false}".utf8)
            #expect(EnvelopeCodec.encode(.direct(message)) == ByteBuffer(bytes: body))
        }
    }

    @Test("a body is appended to what a buffer holds")
    func appending() {
        var buffer = ByteBuffer(string: "before ")
        EnvelopeCodec.encode(.forceOffline(1), into: &buffer)
        #expect(String(buffer: buffer) == "before __FreeIM__(ForceOffline)1")
    }

    private func encoded(_ envelope: Envelope) -> String {
        String(buffer: EnvelopeCodec.encode(envelope))
    }
}
