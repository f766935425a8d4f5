import FreeIMCore
import Hummingbird
import NIOCore

/// Reads the JSON object that a request carries.
struct BodyReader: Sendable {
    /// In bytes.
    let limit: Int
    /// For the whole body.
    let timeout: Duration
    let pending: PendingBodies

    /// - Parameter members: the names that the object may have.
    func object(of request: Request, members: [String]) async throws -> RequestObject {
        try RequestObject(await bytes(of: request), members: members)
    }

    /// nil for a request without a body.
    func objectIfAny(of request: Request, members: [String]) async throws -> RequestObject? {
        let bytes = try await bytes(of: request)
        return bytes.readableBytes > 0 ? try RequestObject(bytes, members: members) : nil
    }

    private func bytes(of request: Request) async throws -> ByteBuffer {
        let tooLarge = APIFault.bodyTooLarge(limit: limit, linger: timeout)
        if let length = request.headers[.contentLength].flatMap(Int.init), length > limit { throw tooLarge }
        do {
            return try await pending.collect(request.body, upTo: limit, within: timeout)
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
    }
}

/// The members of a request's JSON object.
struct RequestObject {
    private let values: [String: JSONValue]
    private let members: [String]

    init(_ body: ByteBuffer, members: [String]) throws(APIFault) {
        guard body.readableBytes > 0 else {
            throw .invalidJSON("a body is expected: a JSON object with \(Self.list(members))")
        }
        guard String(validating: body.readableBytesView, as: UTF8.self) != nil else {
            throw .invalidJSON("the body is not UTF-8")
        }
        var reader = JSONReader(body)
        var values: [String: JSONValue] = [:]
        for member in try reader.object() {
            guard let name = body.slice(member.name).jsonString, members.contains(name) else {
                let name = String(buffer: body.slice(member.name)).prefix(66)
                throw .invalidArgument("unknown member \(name); known are \(Self.list(members))")
            }
            let value = JSONValue(name, text: body.slice(member.value))
            guard values.updateValue(value, forKey: name) == nil else {
                throw .invalidArgument("'\(name)' stands there twice")
            }
        }
        self.values = values
        self.members = members
    }

    func required(_ name: String) throws(APIFault) -> JSONValue {
        guard let value = values[name] else { throw .invalidArgument("'\(name)' is missing") }
        return value
    }

    /// nil also for `null`.
    func optional(_ name: String) -> JSONValue? {
        values[name].flatMap { $0.isNull ? nil : $0 }
    }

    /// What `message`, any JSON, or `text`, a string that is sent without quotes, say.
    func payload() throws(APIFault) -> MessagePayload {
        switch (values["message"], optional("text")) {
        case (let message?, nil): return MessagePayload(validated: message.text)
        case (nil, let text?): return MessagePayload(text: try text.string())
        case (nil, nil): throw .invalidArgument("'message' (any JSON) or 'text' (a string) is missing")
        case (.some, .some): throw .invalidArgument("'message' and 'text' exclude each other")
        }
    }

    private static func list(_ names: [String]) -> String {
        names.map { "'\($0)'" }.joined(separator: ", ")
    }
}
