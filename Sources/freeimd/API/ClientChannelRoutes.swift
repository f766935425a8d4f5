import FreeIMCore
import Hummingbird

/// Channels from the client's side: which, join, leave.
struct ClientChannelRoutes: Sendable {
    let messenger: Messenger
    let bodies: BodyReader

    func add(to group: RouterGroup<APIContext>) {
        let path: RouterPath = "clients/{id}/channels"
        group.get(path, use: list)
        group.put(path, use: join)
        group.delete(path, use: leave)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let client = try context.clientInPath()
        return ["client": .client(client), "channels": .channels(try await messenger.channels(of: client))]
    }

    @Sendable private func join(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let client = try context.clientInPath()
        let joined = try await messenger.join(client, try await channels(request))
        return ["client": .client(client), "joined": .channels(joined)]
    }

    @Sendable private func leave(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let client = try context.clientInPath()
        let left = try await messenger.leave(client, try await channels(request))
        return ["client": .client(client), "left": .channels(left)]
    }

    private func channels(_ request: Request) async throws -> [ChannelName] {
        try await bodies.object(of: request, members: ["channels"]).required("channels").channels()
    }
}
