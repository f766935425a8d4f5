import FoundationEssentials
import FreeIMCore
import Hummingbird
import NIOCore

/// The JSON of an answer, written down where the answer is given.
enum JSONAnswer: Encodable, Sendable {
    case null
    case bool(Bool)
    case number(Int64)
    case string(String)
    case list([JSONAnswer])
    case object([String: JSONAnswer])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}

extension JSONAnswer {
    /// A number is a JSON number, all else a string.
    static func client(_ client: ClientID) -> JSONAnswer {
        if case .number(let number) = client.kind { .number(number) } else { .string(client.description) }
    }

    static func clients(_ clients: [ClientID]) -> JSONAnswer {
        .list(clients.map { .client($0) })
    }

    /// In the order of their UTF-8, so that the same channels give the same answer.
    static func channels(_ channels: [ChannelName]) -> JSONAnswer {
        .list(channels.map(\.text).sorted().map { .string($0) })
    }

    static func optional(_ text: String?) -> JSONAnswer {
        text.map { .string($0) } ?? .null
    }
}

extension JSONAnswer: ExpressibleByDictionaryLiteral {
    init(dictionaryLiteral members: (String, JSONAnswer)...) {
        self = .object(Dictionary(members) { _, last in last })
    }
}

extension JSONAnswer: ResponseGenerator {
    func response(from request: Request, context: some RequestContext) throws -> Response {
        try response(status: .ok)
    }

    func response(status: HTTPResponse.Status) throws -> Response {
        Self.response(status: status, try text())
    }

    func text() throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(self))
    }

    static func response(status: HTTPResponse.Status = .ok, _ body: ByteBuffer) -> Response {
        // Answers hold connect URLs, which are secrets, and who is online, which changes.
        let headers: HTTPFields = [
            .contentType: "application/json", .contentLength: String(body.readableBytes), .cacheControl: "no-store",
        ]
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body))
    }
}
