import NIOCore
import NIOHTTP1

/// Checks an opening request (RFC 6455 §4.2.1).
enum HandshakeRequest {
    /// - Throws: the refusal with which to answer.
    static func check(
        _ head: HTTPRequestHead, peer: SocketAddress?, configuration: WebSocketConfiguration
    ) throws(Refusal) -> ConnectRequest {
        let (path, query) = try split(head.uri)
        guard path == normal(configuration.path) else {
            throw Refusal(404, "not_found", "no WebSocket endpoint here; this node's is \(configuration.path)")
        }
        guard head.method == .GET else {
            throw Refusal(405, "method_not_allowed", "a WebSocket opens with GET", headers: [("Allow", "GET")])
        }
        try checkUpgrade(head)
        if let origin = head.headers.first(name: "Origin"),
            !OriginList(configuration.origins).allows(origin)
        {
            throw Refusal(403, "origin_not_allowed", "this page's origin may not connect here; ask the operator")
        }
        return ConnectRequest(
            path: path, query: query, headers: head.headers.map { ($0.name, $0.value) }, peer: peer)
    }

    private static func checkUpgrade(_ head: HTTPRequestHead) throws(Refusal) {
        let headers = head.headers
        guard headers[canonicalForm: "Upgrade"].contains(where: { $0.lowercased() == "websocket" }),
            headers[canonicalForm: "Connection"].contains(where: { $0.lowercased() == "upgrade" })
        else {
            throw Refusal(
                426, "upgrade_required", "this is a WebSocket endpoint; connect with a WebSocket client",
                headers: [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")])
        }
        guard head.version == .http1_1 else {
            throw Refusal(400, "bad_request", "a WebSocket opens with HTTP/1.1")
        }
        guard headers["Host"].count == 1 else {
            throw Refusal(400, "bad_request", "the request must have one Host field")
        }
        guard headers["Sec-WebSocket-Version"] == ["13"] else {
            throw Refusal(
                426, "unsupported_version", "this node speaks version 13 of the WebSocket protocol",
                headers: [("Sec-WebSocket-Version", "13")])
        }
        let keys = headers["Sec-WebSocket-Key"]
        guard keys.count == 1, isKey(keys[0]) else {
            throw Refusal(400, "bad_request", "Sec-WebSocket-Key must be 16 bytes in Base64, once")
        }
    }

    /// 16 bytes in Base64 (RFC 4648 §4): 22 digits and two pads.
    private static func isKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        guard bytes.count == 24, bytes[22] == UInt8(ascii: "="), bytes[23] == UInt8(ascii: "=") else { return false }
        return bytes[..<22].allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }

    /// The path and query of a request's target, which may be an absolute URI (RFC 9112 §3.2.2).
    private static func target(_ uri: String) -> Substring {
        guard !uri.hasPrefix("/"), let scheme = uri.firstRange(of: "://") else { return uri[...] }
        return uri[scheme.upperBound...].drop { $0 != "/" && $0 != "?" }
    }

    /// An empty path is the same as `/` (RFC 9110 §4.2.3).
    private static func normal(_ path: String) -> String { path.isEmpty ? "/" : path }

    private static func split(
        _ uri: String
    ) throws(Refusal) -> (path: String, query: [(name: String, value: String)]) {
        let parts = target(uri).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = PercentEncoding.decode(parts[0], plusIsBlank: false) else {
            throw Refusal(400, "bad_request", "the path is not percent-encoded UTF-8")
        }
        guard parts.count == 2 else { return (normal(path), []) }
        var query: [(name: String, value: String)] = []
        for pair in parts[1].split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(sides[0], plusIsBlank: true),
                let value = PercentEncoding.decode(sides.count == 2 ? sides[1] : "", plusIsBlank: true)
            else {
                throw Refusal(400, "bad_request", "the query is not percent-encoded UTF-8")
            }
            query.append((name, value))
        }
        return (normal(path), query)
    }
}

/// The origins (RFC 6454) from which browsers may connect.
struct OriginList {
    private let patterns: [String]

    /// Empty: any. `https://*.example.com` stands for the subdomains of one host.
    init(_ patterns: [String]) {
        self.patterns = patterns.map { $0.lowercased() }
    }

    func allows(_ origin: String) -> Bool {
        guard !patterns.isEmpty else { return true }
        let origin = origin.lowercased()
        return patterns.contains { pattern in
            guard let star = pattern.firstRange(of: "://*.") else { return pattern == origin }
            let scheme = pattern[..<star.lowerBound] + "://"
            let domain = "." + pattern[star.upperBound...]
            guard origin.hasPrefix(scheme), origin.hasSuffix(domain) else { return false }
            let label = origin.dropFirst(scheme.count).dropLast(domain.count)
            return !label.isEmpty && !label.contains { "/?#@:".contains($0) }
        }
    }
}
