import FreeIMCore
import Hummingbird

/// Connect URLs, who is online, and forcing offline.
struct ClientRoutes: Sendable {
    let messenger: Messenger
    let bodies: BodyReader
    let pages: PageReader

    func add(to group: RouterGroup<APIContext>) {
        group.post("connect-url", use: connectURL)
        group.get("clients", use: list)
        group.get("clients/{id}", use: one)
        group.delete("clients/{id}", use: forceOffline)
        // Not a route of its own, so that a client may be called 'online'.
        group.post("clients/{id}") { request, context in
            guard context.parameters.get("id") == "online" else {
                throw APIFault.methodNotAllowed(.post, allowed: ["DELETE", "GET", "HEAD"])
            }
            return try await online(request)
        }
    }

    @Sendable private func connectURL(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let body = try await bodies.object(of: request, members: ["client", "metadata", "device"])
        let url = try await messenger.connectURL(
            for: try body.required("client").client(), metadata: try body.optional("metadata")?.string(),
            device: try body.optional("device")?.string())
        return [
            "url": .string(url.url), "token": .optional(url.token),
            "expires_in": url.expiresIn.map { .number($0.components.seconds) } ?? .null,
        ]
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let page = try await messenger.onlineClients(try pages.page(of: request))
        let count = try await messenger.onlineCount()
        return ["clients": .clients(page.items), "next": .optional(page.next), "count": .number(Int64(count))]
    }

    @Sendable private func one(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let client = try context.clientInPath()
        let connections = try await messenger.connectionCount(of: client)
        return [
            "client": .client(client), "online": .bool(connections > 0), "connections": .number(Int64(connections)),
        ]
    }

    @Sendable private func forceOffline(_ request: Request, _ context: APIContext) async throws -> Response {
        let client = try context.clientInPath()
        let body = try await bodies.objectIfAny(of: request, members: ["reason", "ban"])
        try await messenger.forceOffline(
            client, reason: try body?.optional("reason")?.string(), ban: try body?.optional("ban")?.duration())
        return MessageRoutes.accepted
    }

    private func online(_ request: Request) async throws -> JSONAnswer {
        let body = try await bodies.object(of: request, members: ["clients"])
        let clients = try body.required("clients").clients()
        let answers = zip(clients, try await messenger.isOnline(clients)).map { client, isOnline -> JSONAnswer in
            ["client": .client(client), "online": .bool(isOnline)]
        }
        return ["clients": .list(answers)]
    }
}
