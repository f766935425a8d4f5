import FreeIMAPI
import FreeIMCore
import FreeIMMemory
import NIOHTTP1
import Testing

@Suite("Clients", .timeLimit(.minutes(1)))
struct ClientTests {
    @Test("A connect URL comes with its token and its time")
    func connectURL() async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/connect-url", #"{"client":"ann","metadata":"10.0.0.1"}"#)
            #expect(answer.status == 200)
            #expect(answer.headers["cache-control"] == ["no-store"])
            let token = try #require(answer.body.firstMatch(of: /"token":"([^"]{40,})"/)?.output.1)
            let url = "wss://im.example/ws?token=\(token)"
            #expect(answer.body == #"{"expires_in":10,"token":"\#(token)","url":"\#(url)"}"#)
        }
    }

    @Test("Metadata has a limit")
    func metadata() async throws {
        try await withAPI { api in
            let long = String(repeating: "x", count: 4_097)
            let answer = try await api.post("/v1/connect-url", #"{"client":1,"metadata":"\#(long)"}"#)
            #expect(answer.status == 400)
            #expect(answer.body.contains("at most 4096"))
        }
    }

    @Test("A client is online with its number of connections")
    func one() async throws {
        try await withAPI { api in
            try await api.connect(7)
            try await api.connect(7)
            #expect(try await api.get("/v1/clients/7").body == #"{"client":7,"connections":2,"online":true}"#)
            #expect(
                try await api.get("/v1/clients/%E5%B0%8F%E6%98%8E").body
                    == #"{"client":"小明","connections":0,"online":false}"#)
        }
    }

    @Test("A client may be called online")
    func calledOnline() async throws {
        try await withAPI { api in
            try await api.connect(try #require(ClientID("online")))
            #expect(
                try await api.get("/v1/clients/online").body == #"{"client":"online","connections":1,"online":true}"#)
            #expect(
                try await api.get("/v1/clients/online/channels").body == #"{"channels":[],"client":"online"}"#)
            #expect(try await api.post("/v1/clients/5", "{}").status == 405)
        }
    }

    @Test("Many clients are asked at once, and answered in their order and kind")
    func many() async throws {
        try await withAPI { api in
            try await api.connect(7)
            let answer = try await api.post("/v1/clients/online", #"{"clients":["7",8,"ann"]}"#)
            #expect(
                answer.body == #"{"clients":[{"client":7,"online":true},{"client":8,"online":false},"#
                    + #"{"client":"ann","online":false}]}"#)
        }
    }

    @Test("The list of clients comes page by page, with their number")
    func list() async throws {
        try await withAPI { api in
            for number in 1...5 { try await api.connect(ClientID(Int64(number))) }
            var seen: [Substring] = []
            var path = "/v1/clients?limit=2"
            for page in 1...3 {
                let body = try await api.get(path).body
                let match = try #require(
                    body.firstMatch(of: /^{"clients":\[([\d,]*)\],"count":5,"next":(?:null|"(.+)")}$/))
                seen += match.output.1.split(separator: ",")
                #expect((match.output.2 == nil) == (page == 3))
                path = "/v1/clients?limit=2&cursor=\(match.output.2 ?? "")"
            }
            #expect(seen.sorted() == ["1", "2", "3", "4", "5"])
        }
    }

    @Test("The list of nobody is empty")
    func emptyList() async throws {
        try await withAPI { api throws in
            #expect(try await api.get("/v1/clients").body == #"{"clients":[],"count":0,"next":null}"#)
        }
    }

    @Test(
        "A wrong page is refused",
        arguments: [
            ("limit=0", "'limit' must be a number from 1 to 10"), ("limit=11", "'limit' must be a number from 1 to 10"),
            ("limit=x", "'limit'"), ("cursor=", "'cursor'"), ("cursor=nonsense", "nonsense"), ("page=2", "'page'"),
        ])
    func wrongPage(_ query: String, _ expected: String) async throws {
        try await withAPI {
            $0.maxPage = 10
        } _: { api in
            let answer = try await api.get("/v1/clients?\(query)")
            #expect(answer.status == 400)
            #expect(answer.body.contains("invalid_argument"))
            #expect(answer.body.contains(expected))
        }
    }

    @Test("Forcing offline reaches the client's node")
    func forceOffline() async throws {
        try await withAPI { api in
            let answer = try await api.delete("/v1/clients/ann")
            #expect(answer.body == #"{"accepted":true}"#)
            #expect(await api.bus.next() == ClientID("ann").map { .forceOffline($0) })
        }
    }

    @Test("A client that is banned is refused until the ban is lifted")
    func ban() async throws {
        try await withAPI { api in
            let ann = try #require(ClientID("ann"))
            for ban in ["60", #""10m""#] {
                #expect(try await api.delete("/v1/clients/ann", #"{"ban":\#(ban)}"#).body == #"{"accepted":true}"#)
                let change = ConnectionChange(.opened, Identity(client: ann))
                let transitions = try await api.presence.update([change], on: "node")
                guard case .refused(.banned) = transitions.first?.kind else {
                    Issue.record("\(transitions)")
                    continue
                }
                #expect(try await api.delete("/v1/clients/ann", #"{"ban":0,"reason":null}"#).status == 200)
                #expect(try await api.presence.update([change], on: "node").map(\.kind) == [.online])
                _ = try await api.presence.update([ConnectionChange(.closed, change.identity)], on: "node")
            }
        }
    }

    @Test("A reason is told to the nodes that have the client, in front of FreeIM's command")
    func reason() async throws {
        try await withAPI { api in
            try await api.connect(7)
            let reason = String(repeating: "é", count: 61) + "!"
            #expect(try await api.delete("/v1/clients/7", #"{"reason":"\#(reason)"}"#).status == 200)
            let command = CloseCommand(7, code: .forcedOffline, reason: reason)
            #expect(await api.bus.next() == .forwarded(.close(command)))
            #expect(await api.bus.next() == .forceOffline(7))
        }
    }

    @Test(
        "A reason or ban that cannot be is refused, and says what can",
        arguments: [
            (#"{"reason":"\#(String(repeating: "é", count: 62))"}"#, "reason has 124 bytes"),
            (#"{"reason":5}"#, "'reason' must be a string"), (#"{"ban":2592001}"#, "0 (none) to 720h (30 days)"),
            (#"{"ban":"721h"}"#, "0 (none) to 720h (30 days)"), (#"{"ban":-1}"#, "'ban' must be a whole number"),
            (#"{"ban":1.5}"#, "'ban' must be"), (#"{"ban":"soon"}"#, "like \\\"10m\\\""),
            (#"{"bann":1}"#, "'reason', 'ban'"),
            ("[]", "an object is expected"),
        ])
    func wrongForceOffline(_ body: String, _ expected: String) async throws {
        try await withAPI { api in
            let answer = try await api.delete("/v1/clients/7", body)
            #expect(answer.status == 400)
            #expect(answer.body.contains(expected), "\(answer.body)")
        }
    }

    @Test("A token may name a class of device")
    func device() async throws {
        try await withAPI { api in
            #expect(try await api.post("/v1/connect-url", #"{"client":1,"device":"phone"}"#).status == 200)
            for device in ["", String(repeating: "x", count: 65), #"a\u0007"#] {
                let answer = try await api.post("/v1/connect-url", #"{"client":1,"device":"\#(device)"}"#)
                #expect(answer.status == 400)
                #expect(answer.body.contains("device must have 1 to 64 bytes"))
            }
        }
    }

    @Test("HEAD answers as GET does, without the body")
    func head() async throws {
        try await withAPI { api in
            let answer = try await api.client.send(.HEAD, "/v1/clients/7")
            #expect(answer.status == 200)
            #expect(answer.body.isEmpty)
        }
    }
}
