import FreeIMCore
import NIOCore
import NIOHTTP1
import Testing

@Suite("Messages", .timeLimit(.minutes(1)))
struct MessageTests {
    @Test("A message arrives byte for byte as it stood in the body")
    func exactText() async throws {
        let text = #"{"b" : 1.0,"a":[ 1E400, 123456789012345678901234567890, "\u00e9\/é\ud83d"],"a":null}"#
        try await withAPI { api in
            let answer = try await api.post("/v1/messages", "{\"to\":[7], \"message\": \(text) }")
            #expect(answer.body == #"{"accepted":true}"#)
            let message = DirectMessage(sender: nil, receivers: [7], payload: ByteBuffer(string: text))
            #expect(await api.bus.next() == .direct(message))
        }
    }

    @Test("Any kind of JSON value is a message", arguments: ["null", "\"hi\"", "-0.5e-3", "true", "[]", "{}"])
    func anyValue(_ text: String) async throws {
        try await withAPI { api in
            _ = try await api.post("/v1/broadcast", "{\"message\":\(text)}")
            #expect(await api.bus.next() == .broadcast(sender: nil, payload: ByteBuffer(string: text)))
        }
    }

    @Test("A text arrives without its quotes and escapes")
    func plainText() async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/messages", #"{"to":[7],"text":"say \"hi\"\n\ud83d\ude00 你好"}"#)
            #expect(answer.status == 200)
            let payload = ByteBuffer(string: "say \"hi\"\n😀 你好")
            #expect(await api.bus.next() == .direct(DirectMessage(sender: nil, receivers: [7], payload: payload)))
        }
    }

    @Test("Sender, receivers of all kinds and the wish for a receipt reach the bus")
    func parties() async throws {
        let guid = "01234567-89AB-cdef-0123-456789abcdef"
        try await withAPI { api in
            let ids = #"[9007199254740993,-9223372036854775808,"小明","\#(guid)","7"]"#
            let answer = try await api.post(
                "/v1/messages", #"{"from":"5","to":\#(ids),"text":"x","receipt":true}"#)
            #expect(answer.status == 200)
            // A GUID lives under FreeIM v1's names, so it has a publication of its own.
            for texts in [["9007199254740993", "-9223372036854775808", "小明", "7"], [guid]] {
                let message = DirectMessage(
                    sender: 5, receivers: texts.compactMap { ClientID($0) }, payload: ByteBuffer(string: "x"),
                    wantsReceipt: true)
                #expect(await api.bus.next() == .direct(message))
            }
        }
    }

    @Test("Exactly one of message and text is needed", arguments: [#""to":[1]"#, #""to":[1],"message":1,"text":"x""#])
    func oneContent(_ members: String) async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/messages", "{\(members)}")
            #expect(answer.status == 400)
            #expect(answer.body.contains("invalid_argument"))
            #expect(answer.body.contains("'text'"))
        }
    }

    @Test(
        "What is no id is refused by its place",
        arguments: ["1.5", "1.0", "1e3", "-0", "9223372036854775808", "true", "null", "\"\"", "[1]", #""\ud800""#])
    func wrongClient(_ text: String) async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/messages", "{\"to\":[1,\(text)],\"text\":\"x\"}")
            #expect(answer.status == 400)
            #expect(answer.body.contains("'to[1]' must be an integer of 64 bits, or a string of 1 to 64 bytes"))
        }
    }

    @Test("The system's id is no receiver")
    func systemClient() async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/messages", #"{"to":[0],"text":"x"}"#)
            #expect(answer.status == 400)
            #expect(answer.body.contains("invalid_argument"))
        }
    }

    @Test("More than 10,000 receivers are refused")
    func tooManyReceivers() async throws {
        try await withAPI { api in
            let ids = (1...10_001).map(String.init).joined(separator: ",")
            let answer = try await api.post("/v1/messages", "{\"to\":[\(ids)],\"text\":\"x\"}")
            #expect(answer.status == 400)
            #expect(answer.body.contains("'to' has 10001 elements; at most 10000"))
        }
    }

    @Test("A channel's name in the path may hold anything, percent-encoded")
    func channelMessage() async throws {
        try await withAPI { api in
            let path = "/v1/channels/a%2Fb%20c%25%E4%BD%A0%E5%A5%BD+%3F/messages"
            #expect(try await api.post(path, #"{"from":"ann","message":[1]}"#).status == 200)
            let channel = try #require(ChannelName("a/b c%你好+?"))
            let expected = Envelope.channel(
                sender: ClientID("ann"), channel: channel, payload: ByteBuffer(string: "[1]"))
            #expect(await api.bus.next() == expected)
        }
    }

    @Test("A name that is not UTF-8, or holds control characters, is refused", arguments: ["%FF", "%0A", "%4", "%zz"])
    func wrongChannel(_ name: String) async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/channels/\(name)/messages", #"{"text":"x"}"#)
            #expect(answer.status == 400)
            #expect(answer.body.contains("the channel in the path"))
        }
    }
}
