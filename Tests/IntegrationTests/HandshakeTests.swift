import Foundation
import FreeIMTestSupport
import Testing

@Suite struct HandshakeTests {
    /// What a request is answered with.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        var target = "/ws?client=1"
        var headers: [String: String] = [:]
        let status: Int
        let code: String

        var testDescription: String { name }
    }

    static let refusals = [
        Refusal(name: "another path", target: "/other", status: 404, code: "not_found"),
        Refusal(name: "no upgrade", headers: ["Upgrade": ""], status: 426, code: "upgrade_required"),
        Refusal(
            name: "an old version", headers: ["Sec-WebSocket-Version": "8"], status: 426, code: "unsupported_version"),
        Refusal(name: "no key", headers: ["Sec-WebSocket-Key": ""], status: 400, code: "bad_request"),
        Refusal(name: "a short key", headers: ["Sec-WebSocket-Key": "abc="], status: 400, code: "bad_request"),
        Refusal(
            name: "a foreign page", headers: ["Origin": "https://evil.test"], status: 403, code: "origin_not_allowed"),
        Refusal(name: "an empty client", target: "/ws?client=", status: 403, code: "invalid_client"),
        Refusal(name: "the system's id", target: "/ws?client=0", status: 403, code: "reserved_client"),
        Refusal(name: "a broken escape", target: "/ws?client=%zz", status: 400, code: "bad_request"),
        Refusal(
            name: "a long head", headers: ["X-Long": String(repeating: "x", count: 20_000)], status: 431,
            code: "header_too_large"),
    ]

    @Test("A request that is no WebSocket opening is answered with its status and a body that says why")
    func refusals() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["origins": "[\"https://*.chat.test\"]"], api: nil))
        for refusal in Self.refusals {
            do {
                _ = try await Terminal.connect(daemon.gatewayPort, refusal.target, headers: refusal.headers)
                Issue.record("\(refusal.name) was let in")
            } catch let refused as Terminal.Refused {
                #expect(refused.status == refusal.status, "\(refusal.name)")
                #expect(refused.body.contains("\"code\":\"\(refusal.code)\""), "\(refusal.name): \(refused.body)")
                #expect(refused.head.contains("application/json"), "\(refusal.name)")
            }
        }
        let terminal = try await Terminal.connect(
            daemon.gatewayPort, "/ws?client=1", headers: ["Origin": "https://www.chat.test"])
        try await terminal.close()
    }

    @Test("Bytes that are not HTTP are answered with 400, and a POST with 405")
    func notHTTP() async throws {
        let daemon = try await Daemon.start(Manifest(api: nil))
        for (request, status) in [("\u{1}\u{2}garbage\r\n\r\n", 400), ("POST /ws HTTP/1.1\r\nHost: a\r\n\r\n", 405)] {
            let refused = await #expect(throws: Terminal.Refused.self) {
                try await Terminal.connect(daemon.gatewayPort, request: request)
            }
            #expect(refused?.status == status)
        }
    }

    @Test("A request that does not come to its end is answered with 408")
    func handshakeTimeout() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["handshake_timeout": "500ms"], api: nil))
        let refused = await #expect(throws: Terminal.Refused.self) {
            try await Terminal.connect(daemon.gatewayPort, request: "GET /ws HTTP/1.1\r\nHost: slow\r\n")
        }
        #expect(refused?.status == 408)
    }

    @Test("Beyond max_connections a handshake is answered with 503, and a place that becomes free is taken")
    func tooMany() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["max_connections": "2"], api: nil))
        let first = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        let second = try await Terminal.connect(daemon.gatewayPort, "/ws?client=2")
        let refused = await #expect(throws: Terminal.Refused.self) {
            try await Terminal.connect(daemon.gatewayPort, "/ws?client=3")
        }
        #expect(refused?.status == 503)
        #expect(refused?.body.contains("too_many_connections") == true)
        try await first.close()
        var third: Terminal?
        try await eventually {
            third = try? await Terminal.connect(daemon.gatewayPort, "/ws?client=3")
            return third != nil
        }
        try await second.close()
        try await third?.close()
    }

    @Test("A token opens one connection; used, unknown and absent tokens are answered with 401")
    func tokens() async throws {
        let daemon = try await Daemon.start(Manifest(auth: ["auth.token"]))
        let api = API(port: daemon.apiPort)
        let answer = try await api("POST", "/v1/connect-url", #"{"client":"zoë","metadata":"10.0.0.1"}"#).json()
        let token = try #require(answer["token"] as? String)
        #expect(answer["expires_in"] as? Int == 10)
        #expect(token.utf8.count == 128)
        let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token)")
        try await eventually { try await api("GET", "/v1/clients/zo%C3%AB").json()["online"] as? Bool == true }
        for target in ["/ws?token=\(token)", "/ws?token=\(String(repeating: "0", count: 128))", "/ws?token=x", "/ws"] {
            let refused = await #expect(throws: Terminal.Refused.self) {
                try await Terminal.connect(daemon.gatewayPort, target)
            }
            #expect(refused?.status == 401)
        }
        try await terminal.close()
        #expect(!daemon.logText.contains(token))
    }
}
