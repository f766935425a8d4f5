import FreeIMCore
import NIOCore
import NIOHTTP1
import Testing

@testable import FreeIMCore

@Suite("Handshake request")
struct HandshakeRequestTests {
    /// What differs from a good request.
    struct Change: CustomTestStringConvertible, Sendable {
        let name: String
        let status: Int
        var method = HTTPMethod.GET
        var version = HTTPVersion.http1_1
        var uri = "/ws"
        var fields: [(String, String?)] = []
        var testDescription: String { name }
    }

    private static let fields = [
        ("Host", "im.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]

    private static func head(_ change: Change) -> HTTPRequestHead {
        var headers = HTTPHeaders(fields)
        for (name, value) in change.fields {
            headers.remove(name: name)
            for value in value?.split(separator: "|", omittingEmptySubsequences: false) ?? [] {
                headers.add(name: name, value: String(value))
            }
        }
        return HTTPRequestHead(version: change.version, method: change.method, uri: change.uri, headers: headers)
    }

    private static func check(
        _ change: Change, _ configuration: WebSocketConfiguration = WebSocketConfiguration()
    ) throws(Refusal) -> ConnectRequest {
        try HandshakeRequest.check(head(change), peer: nil, configuration: configuration)
    }

    static let refused: [Change] = [
        Change(name: "another path", status: 404, uri: "/"),
        Change(name: "a longer path", status: 404, uri: "/ws/"),
        Change(name: "another case", status: 404, uri: "/WS"),
        Change(name: "another path and method", status: 404, method: .POST, uri: "/x"),
        Change(name: "POST", status: 405, method: .POST),
        Change(name: "HEAD", status: 405, method: .HEAD),
        Change(name: "no Upgrade", status: 426, fields: [("Upgrade", nil)]),
        Change(name: "another Upgrade", status: 426, fields: [("Upgrade", "h2c")]),
        Change(name: "no Connection", status: 426, fields: [("Connection", nil)]),
        Change(name: "another Connection", status: 426, fields: [("Connection", "keep-alive")]),
        Change(name: "HTTP/1.0", status: 400, version: .http1_0),
        Change(name: "no Host", status: 400, fields: [("Host", nil)]),
        Change(name: "two Hosts", status: 400, fields: [("Host", "a|b")]),
        Change(name: "no version", status: 426, fields: [("Sec-WebSocket-Version", nil)]),
        Change(name: "version 8", status: 426, fields: [("Sec-WebSocket-Version", "8")]),
        Change(name: "two versions", status: 426, fields: [("Sec-WebSocket-Version", "13|13")]),
        Change(name: "no key", status: 400, fields: [("Sec-WebSocket-Key", nil)]),
        Change(name: "a short key", status: 400, fields: [("Sec-WebSocket-Key", "dGhlIHNhbXBsZQ==")]),
        Change(
            name: "a key that is no Base64", status: 400, fields: [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub2?jZQ==")]),
        Change(name: "a key of 24 digits", status: 400, fields: [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQab")]),
        Change(
            name: "two keys", status: 400,
            fields: [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==|dGhlIHNhbXBsZSBub25jZQ==")]),
        Change(name: "a bad escape in the path", status: 400, uri: "/w%zz"),
        Change(name: "a bad escape in the query", status: 400, uri: "/ws?token=%4"),
        Change(name: "a query that is not UTF-8", status: 400, uri: "/ws?token=%FF"),
    ]

    @Test("it is refused with the status that fits", arguments: refused)
    func refusals(_ change: Change) {
        let refusal = #expect(throws: Refusal.self) { try Self.check(change) }
        #expect(refusal?.status == change.status)
        #expect(refusal?.code.isEmpty == false)
        #expect(refusal?.message.isEmpty == false)
    }

    @Test("a refusal says what would be right in the header fields for it")
    func headers() {
        func headers(_ change: Change) -> [String: String] {
            do {
                _ = try Self.check(change)
                return [:]
            } catch {
                return Dictionary(uniqueKeysWithValues: error.headers)
            }
        }
        #expect(headers(Change(name: "", status: 405, method: .PUT)) == ["Allow": "GET"])
        #expect(
            headers(Change(name: "", status: 426, fields: [("Upgrade", nil)]))
                == ["Upgrade": "websocket", "Sec-WebSocket-Version": "13"])
        #expect(
            headers(Change(name: "", status: 426, fields: [("Sec-WebSocket-Version", "8")]))["Sec-WebSocket-Version"]
                == "13")
    }

    @Test(
        "it is taken as browsers, proxies and libraries write it",
        arguments: [
            Change(name: "as it is", status: 101),
            Change(name: "Firefox", status: 101, fields: [("Connection", "keep-alive, Upgrade")]),
            Change(name: "other cases", status: 101, fields: [("Upgrade", "WebSocket"), ("Connection", "UPGRADE")]),
            Change(name: "several upgrades", status: 101, fields: [("Upgrade", "h2c, websocket")]),
            Change(name: "fields twice", status: 101, fields: [("Connection", "keep-alive|upgrade")]),
            Change(name: "an escaped path", status: 101, uri: "/%77s"),
            Change(name: "an empty query", status: 101, uri: "/ws?"),
            Change(name: "an absolute URI", status: 101, uri: "http://im.example.com/ws"),
            Change(name: "an absolute URI with a query", status: 101, uri: "https://im.example.com:8443/ws?x=1"),
        ])
    func taken(_ change: Change) throws {
        _ = try Self.check(change)
    }

    @Test("an empty path is the same as '/', for the node and for who connects", arguments: ["", "/"])
    func emptyPath(_ path: String) throws {
        var configuration = WebSocketConfiguration()
        configuration.path = path
        for uri in ["/", "/?token=x", "http://im.example.com", "http://im.example.com?token=x"] {
            #expect(try Self.check(Change(name: "", status: 101, uri: uri), configuration).path == "/")
        }
        let refusal = #expect(throws: Refusal.self) {
            try Self.check(Change(name: "", status: 404, uri: "/ws"), configuration)
        }
        #expect(refusal?.status == 404)
    }

    @Test("auth hooks get path, query and fields as sent, decoded once")
    func request() throws {
        let uri = "/ws?token=a%2Bb%252&client=%E7%BE%A4&flag&=1&token=second&&x=a=b+c"
        let request = try Self.check(Change(name: "", status: 101, uri: uri, fields: [("X-One", "1")]))
        #expect(request.path == "/ws")
        #expect(request.query.map(\.name) == ["token", "client", "flag", "", "token", "x"])
        #expect(request.query.map(\.value) == ["a+b%2", "\u{7FA4}", "", "1", "second", "a=b c"])
        #expect(request.token == "a+b%2")
        #expect(request.header("x-one") == "1")
    }

    @Test("a page's origin must be listed, where origins are; no origin is no browser")
    func origins() throws {
        var configuration = WebSocketConfiguration()
        configuration.origins = ["https://chat.example.com"]
        func check(_ origin: String?) throws(Refusal) {
            _ = try Self.check(Change(name: "", status: 101, fields: [("Origin", origin)]), configuration)
        }
        try check("https://chat.example.com")
        try check(nil)
        for origin in ["https://evil.example.com", "null", "http://chat.example.com", ""] {
            let refusal = #expect(throws: Refusal.self) { try check(origin) }
            #expect(refusal?.status == 403)
        }
    }
}

@Suite("Origin list")
struct OriginListTests {
    @Test("an empty list allows any origin")
    func empty() {
        #expect(OriginList([]).allows("https://anything.example"))
        #expect(OriginList([]).allows("null"))
    }

    @Test(
        "an origin is compared whole and without case",
        arguments: [
            ("https://chat.example.com", true), ("HTTPS://Chat.Example.com", true),
            ("https://chat.example.com:443", false),
            ("https://chat.example.com.evil.com", false), ("http://chat.example.com", false),
            ("https://x.chat.example.com", false), ("", false),
        ])
    func exact(origin: String, isAllowed: Bool) {
        #expect(OriginList(["https://chat.EXAMPLE.com"]).allows(origin) == isAllowed)
    }

    @Test(
        "a star stands for subdomains of the same scheme, and for no other host",
        arguments: [
            ("https://a.example.com", true), ("https://a.b.example.com", true), ("https://A.EXAMPLE.COM", true),
            ("https://example.com", false), ("https://.example.com", false), ("https://evilexample.com", false),
            ("http://a.example.com", false), ("https://a.example.com.evil.com", false),
            ("https://a.example.com:8443", false), ("null", false),
            ("https://evil.com/.example.com", false), ("https://evil.com?.example.com", false),
            ("https://evil.com#.example.com", false), ("https://user@.example.com", false),
        ])
    func star(origin: String, isAllowed: Bool) {
        #expect(OriginList(["https://*.example.com"]).allows(origin) == isAllowed)
    }

    @Test("a star's port belongs to the pattern")
    func port() {
        let list = OriginList(["https://*.example.com:8443"])
        #expect(list.allows("https://a.example.com:8443"))
        #expect(!list.allows("https://a.example.com"))
    }
}
