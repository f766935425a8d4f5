import FreeIMCore
import Hummingbird

/// Channels from their own side: list, count, members, sending, leaving, pruning.
struct ChannelRoutes: Sendable {
    let messenger: Messenger
    let bodies: BodyReader
    let pages: PageReader

    func add(to group: RouterGroup<APIContext>) {
        group.get("channels", use: list)
        group.get("channels/{name}", use: one)
        group.post("channels/{name}/messages", use: send)
        group.get("channels/{name}/clients", use: members)
        group.delete("channels/{name}/clients", use: remove)
        group.post("channels/{name}/prune", use: prune)
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let page = try await messenger.channels(try pages.page(of: request))
        return [
            "channels": .list(page.items.map { Self.count($0.channel, $0.members) }), "next": .optional(page.next),
        ]
    }

    @Sendable private func one(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let channel = try context.channelInPath()
        return Self.count(channel, try await messenger.onlineCount(in: channel))
    }

    private static func count(_ channel: ChannelName, _ members: Int) -> JSONAnswer {
        ["name": .string(channel.text), "members": .number(Int64(members))]
    }

    @Sendable private func send(_ request: Request, _ context: APIContext) async throws -> Response {
        let channel = try context.channelInPath()
        let body = try await bodies.object(of: request, members: ["from", "message", "text"])
        try await messenger.send(
            try body.payload(), from: try body.optional("from")?.client(), toChannel: channel)
        return MessageRoutes.accepted
    }

    @Sendable private func members(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let page = try await messenger.members(of: try context.channelInPath(), try pages.page(of: request))
        return ["clients": .clients(page.items), "next": .optional(page.next)]
    }

    @Sendable private func remove(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let channel = try context.channelInPath()
        let body = try await bodies.object(of: request, members: ["clients"])
        let left = try await messenger.remove(try body.required("clients").clients(), from: channel)
        return ["name": .string(channel.text), "left": .clients(left)]
    }

    @Sendable private func prune(_ request: Request, _ context: APIContext) async throws -> JSONAnswer {
        let channel = try context.channelInPath()
        let removed = try await messenger.removeOfflineMembers(of: channel)
        return ["name": .string(channel.text), "removed": .number(Int64(removed))]
    }
}
