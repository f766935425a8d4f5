import FreeIMTokenAuth
import NIOCore
import NIOHTTP1

@testable import FreeIMCore

extension FuzzTarget {
    /// The value of a token in the store, and the token in an opening request.
    static let token = FuzzTarget(name: "token", longest: 1_024) { input in
        var settings = Settings(input)
        switch settings.next() % 3 {
        case 0: return try isValue(ByteBuffer(bytes: settings.rest))
        case 1: return try isToken(in: "/ws?" + String(decoding: settings.rest, as: UTF8.self), field: nil)
        default: return try isToken(in: "/ws", field: String(decoding: settings.rest, as: UTF8.self))
        }
    }

    /// As ``RedisTokenStore`` reads it; and the event of a client's channels, which is read alike.
    private static func isValue(_ value: ByteBuffer) throws -> Bool {
        if let (client, channels) = try? PresenceEventBody.decodeChannels(value) {
            let again = try PresenceEventBody.decodeChannels(PresenceEventBody.encode(client, channels))
            try require(again.client == client && again.channels == channels, "\(client), \(channels) became \(again)")
        }
        guard let identity = try? PresenceEventBody.decode(value) else { return false }
        let body = PresenceEventBody.encode(identity)
        try require(
            try PresenceEventBody.decode(body) == identity, "\(identity) is written as '\(String(buffer: body))'")
        return true
    }

    private static func isToken(in uri: String, field: String?) throws -> Bool {
        var headers = HTTPHeaders([
            ("Host", "im.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
            ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ])
        if let field { headers.add(name: "Authorization", value: field) }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: headers)
        guard try mayOpen(head, WebSocketConfiguration()) else { return false }
        let request = try HandshakeRequest.check(head, peer: nil, configuration: WebSocketConfiguration())
        guard let text = request.token, let token = Token(text) else { return false }
        try require(token.text == text && text.utf8.count == 128, "'\(text)' became '\(token.text)'")
        try require(text.allSatisfy { "0123456789abcdef".contains($0) }, "'\(text)' is taken for a token")
        return true
    }
}
