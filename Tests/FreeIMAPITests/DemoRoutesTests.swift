import FreeIMAPI
import FreeIMCore
import NIOHTTP1
import Testing

@Suite("The demo's page", .timeLimit(.minutes(1)))
struct DemoRoutesTests {
    private func withDemo(_ body: (RunningAPI) async throws -> Void) async throws {
        try await withAPI({ $0.demo = true }, body)
    }

    private func ask(_ body: String, type: String = "application/json", _ api: RunningAPI) async throws -> Answer {
        try await api.client.send(.POST, "/demo/connect", body, headers: [("Content-Type", type)])
    }

    @Test(
        "The page and its files are served, and nothing else may be loaded or embed it",
        arguments: [
            ("/", "text/html"), ("/demo/chat.css", "text/css"), ("/demo/chat.js", "text/javascript"),
            ("/demo/connection.js", "text/javascript"), ("/demo/state.js", "text/javascript"),
            ("/demo/view.js", "text/javascript"),
        ])
    func files(_ path: String, _ type: String) async throws {
        try await withDemo { api in
            let answer = try await api.get(path)
            #expect(answer.status == 200)
            #expect(!answer.body.isEmpty)
            #expect(answer.headers["content-type"] == ["\(type); charset=utf-8"])
            #expect(answer.headers["x-content-type-options"] == ["nosniff"])
            let policy = try #require(answer.headers["content-security-policy"].first)
            #expect(policy.contains("default-src 'none'; script-src 'self'"))
            #expect(policy.contains("frame-ancestors 'none'"))
        }
    }

    @Test("The files refer to each other and to nothing elsewhere")
    func references() async throws {
        try await withDemo { api in
            for path in [
                "/", "/demo/chat.css", "/demo/chat.js", "/demo/connection.js", "/demo/state.js", "/demo/view.js",
            ] {
                let text = try await api.get(path).body
                    .replacing("http://www.w3.org/2000/svg", with: "")
                #expect(!text.contains("http://") && !text.contains("https://"), "\(path)")
                for reference in text.matches(of: /(?:src|href)="(\/[^"]*)"/) {
                    #expect(try await api.get(String(reference.output.1)).status == 200)
                }
                for module in text.matches(of: /from "\.\/([^"]+)"/) {
                    #expect(try await api.get("/demo/\(module.output.1)").status == 200)
                }
            }
        }
    }

    @Test("Without 'demo' there is no page and no endpoint")
    func off() async throws {
        try await withAPI { api in
            let page = try await api.get("/")
            #expect(page.status == 404)
            let url = try await ask(#"{"nickname":"Ann"}"#, api)
            #expect(url.status == 404)
        }
    }

    @Test("A visitor gets a URL, and with the key the same client again")
    func connect() async throws {
        try await withDemo { api in
            let answer = try await ask(#"{"nickname":" Ann "}"#, api)
            #expect(answer.status == 200)
            #expect(answer.headers["cache-control"] == ["no-store"])
            let client = try #require(answer.body.firstMatch(of: /"client":"(Ann~[0-9a-f]{16})"/)?.output.1)
            let key = try #require(answer.body.firstMatch(of: /"key":"([0-9a-f]{32})"/)?.output.1)
            #expect(answer.body.contains(#""nickname":"Ann""#))
            #expect(answer.body.contains(#""url":"wss://im.example/ws?token="#))
            let again = try await ask(#"{"nickname":"Ann","key":"\#(key)"}"#, api)
            #expect(again.body.contains(client))
            #expect(again.body != answer.body)
        }
    }

    @Test(
        "What is asked wrongly is refused with the reason",
        arguments: [
            (#"{"nickname":""}"#, 400, "'nickname' must have"), (#"{}"#, 400, "'nickname' is missing"),
            (#"{"nickname":7}"#, 400, "'nickname' must be a string"),
            (#"{"nickname":"Ann","key":"mine"}"#, 400, "'key' must be"), ("Ann", 400, "the body is not JSON"),
            (#"{"nickname":"Ann","client":"Bob~0123456789abcdef"}"#, 400, "client"),
            (#"{"nickname":"\#(String(repeating: "x", count: 5_000))"}"#, 413, "bytes"),
        ])
    func refused(_ body: String, _ status: Int, _ reason: String) async throws {
        try await withDemo { api in
            let answer = try await ask(body, api)
            #expect(answer.status == status)
            #expect(answer.body.contains(#""error":{"code":"#) && answer.body.contains(reason), "\(answer.body)")
        }
    }

    @Test("A form of another site's page gets no URL")
    func form() async throws {
        try await withDemo { api in
            let form = try await ask(#"{"nickname":"Ann"}"#, type: "text/plain", api)
            #expect(form.status == 415)
            let json = try await ask(#"{"nickname":"Ann"}"#, type: "Application/JSON; charset=utf-8", api)
            #expect(json.status == 200)
        }
    }
}
