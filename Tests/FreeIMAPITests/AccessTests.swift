import FreeIMAPI
import FreeIMCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite("Access", .timeLimit(.minutes(1)))
struct AccessTests {
    private static let keys = ["0123456789abcdef", "fedcba9876543210"]

    @Test(
        "A request without a known key is refused",
        arguments: [
            nil, ("Authorization", "Bearer 0123456789abcdeX"), ("Authorization", "Bearer "),
            ("Authorization", "Basic 0123456789abcdef"), ("X-API-Key", ""), ("X-API-Key", "0123456789abcde"),
        ] as [(String, String)?])
    func unauthorized(_ header: (String, String)?) async throws {
        try await withAPI {
            $0.keys = Self.keys
        } _: { api in
            for path in ["/v1/clients", "/v1/channels/a", "/v1/clients/online"] {
                let answer = try await api.client.send(.GET, path, headers: header.map { [$0] } ?? [])
                #expect(answer.status == 401)
                #expect(answer.headers["www-authenticate"] == ["Bearer"])
                #expect(answer.body.contains("unauthorized"))
            }
        }
    }

    @Test(
        "Each key opens, in either header field",
        arguments: [
            ("Authorization", "Bearer 0123456789abcdef"), ("authorization", "bearer fedcba9876543210"),
            ("X-API-Key", "fedcba9876543210"),
        ])
    func authorized(_ name: String, _ value: String) async throws {
        try await withAPI {
            $0.keys = Self.keys
        } _: { api throws in
            #expect(try await api.client.send(.GET, "/v1/clients", headers: [(name, value)]).status == 200)
        }
    }

    @Test("Health needs no key", arguments: ["/health/live", "/health/ready"])
    func health(_ path: String) async throws {
        try await withAPI {
            $0.keys = Self.keys
        } _: { api throws in
            #expect(try await api.get(path).status == 200)
        }
    }

    @Test(
        "Without keys, web pages and foreign host names are refused",
        arguments: [
            ("Origin", "https://evil.example"), ("Origin", "null"), ("Host", "evil.example:6080"),
            ("Host", "127.evil.example"), ("Host", "10.0.0.1"),
        ])
    func browsers(_ name: String, _ value: String) async throws {
        try await withAPI { api in
            let answer = try await api.client.send(.GET, "/v1/clients", headers: [(name, value)])
            #expect(answer.status == 403)
            #expect(answer.body.contains("forbidden"))
        }
    }

    @Test("Without keys, the machine's own names are served", arguments: ["localhost:6080", "127.0.0.1", "[::1]:6080"])
    func loopbackNames(_ host: String) async throws {
        try await withAPI { api throws in
            #expect(try await api.client.send(.GET, "/v1/clients", headers: [("Host", host)]).status == 200)
        }
    }

    @Test("Beyond loopback a key is needed")
    func remoteWithoutKey() {
        var configuration = HTTPAPIConfiguration()
        configuration.listen = ListenAddress(host: "0.0.0.0", port: 6080)
        let error = #expect(throws: ModuleError.self) { try Self.make(configuration) }
        #expect(
            error?.message
                == "refuses to listen on 0.0.0.0:6080 without a key; add 'keys: [...]' or listen on 127.0.0.1")
    }

    @Test("Beyond loopback the demo page has to be wanted twice")
    func remoteDemo() throws {
        var configuration = HTTPAPIConfiguration()
        configuration.listen = ListenAddress(host: "0.0.0.0", port: 6080)
        configuration.keys = Self.keys
        configuration.demo = true
        let error = #expect(throws: ModuleError.self) { try Self.make(configuration) }
        #expect(error?.message.contains("demo_allow_remote: true") == true)
        configuration.demoAllowRemote = true
        try Self.make(configuration)
    }

    @Test("A short key is refused, and not repeated")
    func shortKey() {
        var configuration = HTTPAPIConfiguration()
        configuration.keys = Self.keys + ["hunter2"]
        let error = #expect(throws: ModuleError.self) { try Self.make(configuration) }
        #expect(error?.message.contains("fewer than 16 characters") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    private static func make(_ configuration: HTTPAPIConfiguration) throws {
        _ = try HTTPAPI(configuration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .silent)
    }
}
