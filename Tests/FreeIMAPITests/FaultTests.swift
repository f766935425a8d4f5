import FreeIMAPI
import FreeIMCore
import FreeIMMemory
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite("Errors", .timeLimit(.minutes(1)))
struct FaultTests {
    @Test(
        "What is not JSON is refused",
        arguments: [
            "", "[]", "7", "{", #"{"text":"x",}"#, #"{"text":"x"} x"#, "{\"text\":\"\t\"}", #"{"text":"\x"}"#,
            #"{"message":01}"#, #"{"message":[1,]}"#, #"{'text':'x'}"#, #"{"message":NaN}"#, "\u{FEFF}{}",
        ])
    func invalidJSON(_ body: String) async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/broadcast", body)
            #expect(answer.status == 400)
            #expect(answer.body.hasPrefix(#"{"error":{"code":"invalid_json","message":""#))
            #expect(answer.headers["content-type"] == ["application/json"])
        }
    }

    @Test("An unknown member is named, and those that are known")
    func unknownMember() async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/broadcast", #"{"message":1,"mesage":2}"#)
            #expect(answer.status == 400)
            #expect(
                answer.body == #"{"error":{"code":"invalid_argument","#
                    + #""message":"unknown member \"mesage\"; known are 'message', 'text'"}}"#)
        }
    }

    @Test("A member that stands there twice is refused")
    func twice() async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/connect-url", #"{"client":1,"cl\u0069ent":2}"#)
            #expect(answer.status == 400)
            #expect(answer.body.contains("'client' stands there twice"))
        }
    }

    @Test(
        "A member of the wrong kind is named",
        arguments: [
            (#"{"to":5,"text":"x"}"#, "'to' must be a list of client ids"), (#"{"text":"x"}"#, "'to' is missing"),
            (#"{"to":[],"text":5}"#, "'text' must be a string"),
            (#"{"to":[],"text":"x","receipt":1}"#, "'receipt' must be true or false"),
            (#"{"to":[],"text":"x","from":{}}"#, "'from' must be an integer"),
        ])
    func wrongKind(_ body: String, _ expected: String) async throws {
        try await withAPI { api in
            let answer = try await api.post("/v1/messages", body)
            #expect(answer.status == 400)
            #expect(answer.body.contains("invalid_argument"))
            #expect(answer.body.contains(expected))
        }
    }

    @Test(
        "An unknown path is answered in JSON",
        arguments: ["/", "/v1", "/v2/messages", "/v1/channels//clients", "//v1/clients", "/v1/clients/5/x"])
    func unknownPath(_ path: String) async throws {
        try await withAPI { api in
            let answer = try await api.get(path)
            #expect(answer.status == 404)
            #expect(answer.body.hasPrefix(#"{"error":{"code":"not_found","#))
        }
    }

    @Test("Another method is answered with those that there are", arguments: [HTTPMethod.GET, .PUT, .PATCH, .OPTIONS])
    func wrongMethod(_ method: HTTPMethod) async throws {
        try await withAPI { api in
            let answer = try await api.client.send(method, "/v1/messages")
            #expect(answer.status == 405)
            #expect(answer.headers["allow"] == ["POST"])
            #expect(answer.body.contains("method_not_allowed"))
        }
    }

    @Test("A body beyond max_body is refused, whether its length is told or not", arguments: [false, true])
    func bodyTooLarge(_ isChunked: Bool) async throws {
        try await withAPI {
            $0.maxBody = ByteCount(1_024)
        } _: { api in
            let body = "{\"text\":\"\(String(repeating: "x", count: 1_024))\"}"
            let answer = try await api.client.send(.POST, "/v1/broadcast", body, isChunked: isChunked)
            #expect(answer.status == 413)
            #expect(answer.body.contains("body_too_large"))
            #expect(answer.body.contains("1024"))
        }
    }

    @Test("A body that does not arrive in time is answered, and its connection closed")
    func slowBody() async throws {
        try await withAPI {
            $0.requestTimeout = .milliseconds(250)
        } _: { api in
            let answer = try await api.client.exchange(
                "POST /v1/broadcast HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"text\":")
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
            #expect(answer.contains("request_timeout"))
        }
    }

    @Test("What the node was assembled without is not supported")
    func notSupported() async throws {
        try await withAPI(features: [], authHooks: []) { api in
            for (path, body) in [
                ("/v1/messages", #"{"to":[1],"text":"x"}"#), ("/v1/broadcast", #"{"text":"x"}"#),
                ("/v1/channels/a/prune", ""), ("/v1/connect-url", #"{"client":1}"#),
            ] {
                let answer = try await api.post(path, body)
                #expect(answer.status == 501)
                #expect(answer.body.contains("not_supported"))
            }
        }
    }

    @Test("A full bus is answered with when to try again")
    func overloaded() async throws {
        var full = MemoryConfiguration()
        full.maxPending = 0
        full.maxWaiting = 0
        let transport = MemoryTransport(full, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        try await withAPI(transport: transport) { api in
            let answer = try await api.post("/v1/broadcast", #"{"text":"x"}"#)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == ["1"])
            #expect(answer.body.contains(#""code":"overloaded""#))
        }
    }

    @Test("An absent bus is answered with 503")
    func unavailable() async throws {
        let transport = AbsentTransport()
        try await withAPI(transport: transport) { api in
            let answer = try await api.post("/v1/broadcast", #"{"text":"x"}"#)
            transport.returned.open()
            #expect(answer.status == 503)
            #expect(answer.body == #"{"error":{"code":"unavailable","message":"the bus is away"}}"#)
        }
    }
}
