import FreeIMCore
import NIOHTTP1
import Testing

@Suite("Channels", .timeLimit(.minutes(1)))
struct ChannelTests {
    @Test("Joining and leaving name what changed")
    func joinAndLeave() async throws {
        try await withAPI { api throws in
            let path = "/v1/clients/7/channels"
            #expect(
                try await api.put(path, #"{"channels":["b","a/b"]}"#).body == #"{"client":7,"joined":["a/b","b"]}"#)
            #expect(try await api.put(path, #"{"channels":["b","c"]}"#).body == #"{"client":7,"joined":["c"]}"#)
            #expect(try await api.get(path).body == #"{"channels":["a/b","b","c"],"client":7}"#)
            #expect(try await api.delete(path, #"{"channels":["b","x"]}"#).body == #"{"client":7,"left":["b"]}"#)
            #expect(try await api.get(path).body == #"{"channels":["a/b","c"],"client":7}"#)
        }
    }

    @Test("A channel has its number of members", arguments: [("a%2Fb", "a/b", 2), ("nobody", "nobody", 0)])
    func count(_ encoded: String, _ name: String, _ members: Int) async throws {
        try await withAPI { api in
            for client: ClientID in [7, 8] { try await api.messenger.join(client, [try #require(ChannelName("a/b"))]) }
            #expect(
                try await api.get("/v1/channels/\(encoded)").body == #"{"members":\#(members),"name":"\#(name)"}"#)
        }
    }

    @Test("All channels come page by page, with their numbers")
    func list() async throws {
        try await withAPI { api in
            try await api.messenger.join(7, [try #require(ChannelName("a")), try #require(ChannelName("b"))])
            try await api.messenger.join(8, [try #require(ChannelName("b"))])
            let first = try await api.get("/v1/channels?limit=1").body
            let cursor = try #require(first.firstMatch(of: /"next":"(.+)"}$/)?.output.1)
            let second = try await api.get("/v1/channels?limit=1&cursor=\(cursor)").body
            #expect(second.hasSuffix(#""next":null}"#))
            let pages = [first, second].map { String($0.prefix { $0 != "]" }) }
            let expected = [#"{"members":1,"name":"a"}"#, #"{"members":2,"name":"b"}"#].map { "{\"channels\":[\($0)" }
            #expect(pages.sorted() == expected)
        }
    }

    @Test("The members of a channel come page by page")
    func members() async throws {
        try await withAPI { api in
            for client: ClientID in [7, 8] { try await api.messenger.join(client, [try #require(ChannelName("a"))]) }
            let answer = try await api.get("/v1/channels/a/clients?limit=1")
            #expect(answer.body.wholeMatch(of: /{"clients":\[[78]\],"next":".+"}/) != nil)
        }
    }

    @Test("Members are removed from the channel's side")
    func remove() async throws {
        try await withAPI { api in
            for client: ClientID in [7, 8] { try await api.messenger.join(client, [try #require(ChannelName("a"))]) }
            let answer = try await api.delete("/v1/channels/a/clients", #"{"clients":[8,9]}"#)
            #expect(answer.body == #"{"left":[8],"name":"a"}"#)
            #expect(try await api.get("/v1/channels/a/clients").body == #"{"clients":[7],"next":null}"#)
        }
    }

    @Test("Pruning removes who is offline")
    func prune() async throws {
        try await withAPI { api in
            try await api.connect(7)
            for client: ClientID in [7, 8] { try await api.messenger.join(client, [try #require(ChannelName("a"))]) }
            #expect(try await api.client.send(.POST, "/v1/channels/a/prune").body == #"{"name":"a","removed":1}"#)
            #expect(try await api.get("/v1/channels/a/clients").body == #"{"clients":[7],"next":null}"#)
        }
    }

    @Test("A name that no channel can have is refused by its place", arguments: ["\"\"", "5", #""a\u0000""#])
    func wrongName(_ name: String) async throws {
        try await withAPI { api in
            let answer = try await api.put("/v1/clients/7/channels", "{\"channels\":[\"a\",\(name)]}")
            #expect(answer.status == 400)
            #expect(answer.body.contains("'channels[1]' must be "))
        }
    }
}
