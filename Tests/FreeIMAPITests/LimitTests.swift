import FreeIMCore
import NIOCore
import NIOHTTP1
import Testing

@Suite("Limits of messages and channels", .timeLimit(.minutes(1)))
struct LimitTests {
    @Test(
        "A message with a byte too many is refused on every path, with its size and the limit",
        arguments: [("/v1/messages", #""to":[7],"#), ("/v1/broadcast", ""), ("/v1/channels/a/messages", "")])
    func tooLarge(_ path: String, _ members: String) async throws {
        try await withAPI(maximumMessage: 2_000) { api in
            for (count, status) in [(2_000, 200), (2_001, 413)] {
                let text = String(repeating: "x", count: count)
                let answer = try await api.post(path, "{\(members)\"text\":\"\(text)\"}")
                #expect(answer.status == status)
                guard status == 413 else { continue }
                #expect(answer.body.contains(#""code":"message_too_large""#))
                #expect(answer.body.contains("2001 bytes; at most 2000"))
                #expect(answer.headers["connection"] != ["close"])
            }
            // Its quotes belong to a JSON string.
            let quoted = "{\(members)\"message\":\"\(String(repeating: "x", count: 1_999))\"}"
            #expect(try await api.post(path, quoted).status == 413)
        }
    }

    @Test("A text counts as terminals receive it, unescaped")
    func escapes() async throws {
        try await withAPI(maximumMessage: 10) { api throws in
            let escaped = String(repeating: #"\u0001"#, count: 10)
            #expect(try await api.post("/v1/broadcast", "{\"text\":\"\(escaped)\"}").status == 200)
            #expect(try await api.post("/v1/broadcast", "{\"text\":\"\(escaped)x\"}").status == 413)
        }
    }

    @Test("A join too many is refused with 409 as a whole; channels that the client is in are not too many")
    func channels() async throws {
        var limits = ChannelLimits()
        limits.channelsPerClient = 2
        limits.membersPerChannel = 1
        try await withAPI(limits: limits) { api throws in
            let path = "/v1/clients/7/channels"
            let tooMany = try await api.put(path, #"{"channels":["a","b","c"]}"#)
            #expect(tooMany.status == 409)
            #expect(tooMany.body.contains(#""code":"too_many_channels""#))
            #expect(tooMany.body.contains("client '7' would be in more than 2 channels, the 'channels_per_client'"))
            #expect(try await api.get(path).body == #"{"channels":[],"client":7}"#)
            #expect(try await api.put(path, #"{"channels":["a","b"]}"#).status == 200)
            #expect(try await api.put(path, #"{"channels":["a","b","a"]}"#).body == #"{"client":7,"joined":[]}"#)
            let full = try await api.put("/v1/clients/8/channels", #"{"channels":["c","b"]}"#)
            #expect(full.status == 409)
            #expect(full.body.contains(#""code":"channel_full""#))
            #expect(full.body.contains("channel 'b' has its 1 members, the 'members_per_channel'"))
            #expect(try await api.get("/v1/clients/8/channels").body == #"{"channels":[],"client":8}"#)
        }
    }
}
