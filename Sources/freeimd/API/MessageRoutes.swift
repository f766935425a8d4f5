import FreeIMCore
import Hummingbird
import NIOCore

/// Sending to clients and to everyone.
struct MessageRoutes: Sendable {
    let messenger: Messenger
    let bodies: BodyReader

    /// The bus has taken the message; who is connected gets it.
    static let accepted = JSONAnswer.response(ByteBuffer(string: #"{"accepted":true}"#))

    func add(to group: RouterGroup<APIContext>) {
        group.post("messages", use: send)
        group.post("broadcast", use: broadcast)
    }

    @Sendable private func send(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await bodies.object(of: request, members: ["from", "to", "message", "text", "receipt"])
        try await messenger.send(
            try body.payload(), from: try body.optional("from")?.client(), to: try body.required("to").clients(),
            receipt: try body.optional("receipt")?.bool() ?? false)
        return Self.accepted
    }

    @Sendable private func broadcast(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await bodies.object(of: request, members: ["message", "text"])
        try await messenger.broadcast(try body.payload())
        return Self.accepted
    }
}
