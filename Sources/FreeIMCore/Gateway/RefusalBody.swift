import NIOCore
import NIOHTTP1

/// The body of an HTTP answer that refuses: `{"error":{"code":"...","message":"..."}}`.
enum RefusalBody {
    static func json(_ refusal: Refusal) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeString(#"{"error":{"code":"#)
        JSONText.write(refusal.code, into: &body)
        body.writeString(#","message":"#)
        JSONText.write(refusal.message, into: &body)
        body.writeString("}}")
        return body
    }
}

extension Refusal {
    /// The whole HTTP answer.
    var answer: [HTTPServerResponsePart] {
        let body = RefusalBody.json(self)
        var fields = HTTPHeaders([
            ("Content-Type", "application/json"), ("Content-Length", String(body.readableBytes)),
            ("Connection", "close"),
        ])
        for (name, value) in headers { fields.add(name: name, value: value) }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: fields)
        return [.head(head), .body(.byteBuffer(body)), .end(nil)]
    }

    init(_ refusal: ConnectionRefusal) {
        switch refusal {
        case .banned(let duration):
            // Rounded up: whoever waits that long is let in.
            let seconds = max(1, Int((duration / .seconds(1)).rounded(.up)))
            self.init(
                403, refusal.code, "this client may not connect for another \(seconds) s",
                headers: [("Retry-After", String(seconds))])
        case .tooManyConnections(let limit):
            self.init(
                403, refusal.code, "this client has as many connections as it may, \(limit); close one of them first")
        }
    }
}

extension ConnectionRefusal {
    /// A word for programs.
    var code: String {
        switch self {
        case .banned: "banned"
        case .tooManyConnections: "too_many_of_client"
        }
    }

    /// For a connection that was opened before it could be refused.
    var closeCode: CloseCode {
        switch self {
        case .banned: .forcedOffline
        case .tooManyConnections: .replaced
        }
    }
}
