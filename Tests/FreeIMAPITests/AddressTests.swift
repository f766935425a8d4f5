import FreeIMAPI
import FreeIMCore
import FreeIMTestSupport
import NIOCore
import NIOHTTP1
import Testing

@Suite("Limits of addresses", .timeLimit(.minutes(1)))
struct AddressTests {
    private static let keys = ["0123456789abcdef"]
    private static let right = [("X-API-Key", keys[0])]
    private static let wrong = [("X-API-Key", "0123456789abcdeX")]

    private static func limit(
        _ configuration: inout HTTPAPIConfiguration, connections: Int = 0, denials: Int = 0, proxies: [String] = []
    ) {
        configuration.keys = keys
        configuration.addresses.connectionsPerAddress = connections
        configuration.addresses.denialsPerAddress = denials
        configuration.addresses.exemptAddresses = []
        configuration.addresses.trustedProxies = proxies.compactMap { AddressRange(sectionText: $0) }
    }

    @Test("After so many wrong keys the address is answered 429, whatever it shows; without a key nothing is counted")
    func denials() async throws {
        try await withAPI {
            Self.limit(&$0, denials: 3)
        } _: { api throws in
            for _ in 0..<5 { #expect(try await api.get("/v1/clients").status == 401) }
            for path in ["/v1/clients", "/metrics", "/v1/channels"] {
                #expect(try await api.client.send(.GET, path, headers: Self.wrong).status == 401)
            }
            for headers in [Self.wrong, Self.right] {
                let answer = try await api.client.send(.GET, "/v1/clients", headers: headers)
                #expect(answer.status == 429)
                #expect(answer.body.contains(#""code":"too_many_denials""#))
                #expect((60...90).contains(answer.headers["retry-after"].first.flatMap { Int($0) } ?? 0))
            }
            #expect(try await api.get("/health/live").status == 200)
        }
    }

    @Test("Right keys are not counted, and 0 is no limit", arguments: [0, 3])
    func unlimited(_ denials: Int) async throws {
        try await withAPI {
            Self.limit(&$0, denials: denials)
        } _: { api throws in
            for _ in 0..<10 {
                let headers = denials == 0 ? Self.wrong : Self.right
                let answer = try await api.client.send(.GET, "/v1/clients", headers: headers)
                #expect(answer.status == (denials == 0 ? 401 : 200))
            }
        }
    }

    @Test("Addresses of the machine itself are not limited unless the manifest says so")
    func exempt() async throws {
        try await withAPI {
            Self.limit(&$0, connections: 1, denials: 1)
            $0.addresses.exemptAddresses = AddressRange.loopback
        } _: { api throws in
            for _ in 0..<3 {
                #expect(try await api.client.send(.GET, "/v1/clients", headers: Self.wrong).status == 401)
            }
        }
    }

    @Test("Behind a trusted proxy X-Forwarded-For says whose a wrong key is; from anyone else it says nothing")
    func proxies() async throws {
        func send(_ api: RunningAPI, _ address: String, _ headers: [(String, String)]) async throws -> Int {
            try await api.client.send(
                .GET, "/v1/clients", headers: headers + [("X-Forwarded-For", "6.6.6.6, \(address)")]
            ).status
        }
        try await withAPI {
            Self.limit(&$0, connections: 1, denials: 1, proxies: ["127.0.0.1"])
        } _: { api throws in
            #expect(try await send(api, "192.0.2.1", Self.wrong) == 401)
            #expect(try await send(api, "192.0.2.1", Self.right) == 429)
            #expect(try await send(api, "192.0.2.2", Self.right) == 200)
        }
        try await withAPI {
            Self.limit(&$0, denials: 1)
        } _: { api throws in
            #expect(try await send(api, "192.0.2.1", Self.wrong) == 401)
            #expect(try await send(api, "192.0.2.2", Self.right) == 429)
        }
    }

    @Test("An address has so many connections at a time; a further one is answered 429 and closed, until one ends")
    func connections() async throws {
        try await withAPI {
            Self.limit(&$0, connections: 2)
        } _: { api throws in
            let held = [try await api.client.hold(), try await api.client.hold()]
            let answer = try await api.client.exchange(HTTPClient.healthRequest)
            #expect(answer.hasPrefix("HTTP/1.1 429 Too Many Requests\r\n"))
            #expect(answer.contains("Retry-After: "))
            #expect(answer.contains("Connection: close\r\n"))
            #expect(answer.contains(#"{"error":{"code":"too_many_connections","#))
            #expect(try await api.get("/health/live").status == 429)
            try await held[0].close().get()
            try await eventually { try await api.get("/health/live").status == 200 }
            try await held[1].close().get()
        }
    }

    @Test("A connection too many that says nothing is closed soon")
    func silent() async throws {
        try await withAPI {
            Self.limit(&$0, connections: 1)
        } _: { api throws in
            let held = try await api.client.hold()
            let silent = try await api.client.connect()
            try await silent.closeFuture.get()
            #expect(held.isActive)
            try await held.close().get()
        }
    }
}
