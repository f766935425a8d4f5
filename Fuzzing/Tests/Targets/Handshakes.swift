import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import FreeIMCore

extension FuzzTarget {
    /// What comes in over an accepted socket: a request to open a WebSocket, or anything else.
    static let handshake = FuzzTarget(name: "handshake", longest: 2_048) { input in
        var settings = Settings(input)
        let choices = settings.next()
        let way = settings.next()
        var configuration = WebSocketConfiguration()
        if choices & 1 != 0 { configuration.origins = ["https://chat.example.com", "https://*.example.org"] }
        if choices & 2 != 0 { configuration.path = "" }
        let whole = try Opening([settings.rest], configuration)
        let cut = try Opening(settings.rest.pieces(way), configuration)
        try require(whole == cut, "in one piece \(whole), in several \(cut)")
        guard case .request(let head) = whole else { return false }
        return try mayOpen(head, configuration)
    }

    /// Whether the request is one that is authenticated next.
    static func mayOpen(_ head: HTTPRequestHead, _ configuration: WebSocketConfiguration) throws(Broken) -> Bool {
        let request: ConnectRequest
        do throws(Refusal) {
            request = try HandshakeRequest.check(head, peer: nil, configuration: configuration)
        } catch {
            try require((400..<500).contains(error.status), "refused with \(error.status)")
            try require(
                String(validating: RefusalBody.json(error).readableBytesView, as: UTF8.self) != nil,
                "an answer that is not UTF-8")
            return false
        }
        try require(head.method == .GET && head.version == .http1_1, "taken: \(head)")
        try require(request.path == (configuration.path.isEmpty ? "/" : configuration.path), "taken: \(head.uri)")
        try require(head.headers["Sec-WebSocket-Key"].count == 1, "taken without a key: \(head)")
        for parameter in request.query {
            let encoded = PercentEncoding.query(parameter.value)
            try require(
                PercentEncoding.decode(encoded[...], plusIsBlank: true) == parameter.value,
                "'\(parameter.value)' is encoded as '\(encoded)'")
        }
        return true
    }
}

/// What NIO's decoder makes of the first bytes.
private enum Opening: Equatable {
    case request(HTTPRequestHead)
    case error(String)
    case incomplete

    /// As ``WebSocketService`` puts the pipeline together, up to the handshake's own handler.
    init(_ pieces: [ArraySlice<UInt8>], _ configuration: WebSocketConfiguration) throws {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.maxHeader.bytes
        limits.maxHeaderListSize = configuration.maxHeader.bytes
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits),
                maximumBufferSize: configuration.maxHeader.bytes))
        self = .incomplete
        for piece in pieces {
            do {
                try channel.writeInbound(ByteBuffer(bytes: piece))
            } catch {
                self = .error("\(error)")
            }
            // The head comes before an error in what follows it.
            if case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) { self = .request(head) }
            if self != .incomplete { break }
        }
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
}
