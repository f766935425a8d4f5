import FreeIMCore

/// Reads the rooms and their people. Rooms are channels; nothing is kept here.
struct DemoRooms: Sendable {
    let messenger: Messenger

    /// The channel of all that are on the page, by which they hear what happens. Not a room.
    static let news: ChannelName? = ChannelName("demo news")

    /// Rooms that the page is told of, those with most people.
    static let maximumListed = 100
    /// Channels that are looked at for the list.
    private static let maximumRead = 10_000
    /// People that the page is told of.
    static let maximumPeople = 200

    func list() async throws(MessengerError) -> DemoRoomList {
        var counts: [ChannelCount] = []
        var request = PageRequest(limit: 1_000)
        repeat {
            let page = try await messenger.channels(request)
            counts += page.items
            request.cursor = page.next
        } while request.cursor != nil && counts.count < Self.maximumRead
        // A name that no visitor may give a room would be one that nobody can join here.
        let rooms = counts.filter { $0.channel != Self.news && $0.channel.text.count <= DemoCommand.maximumRoomName }
            .sorted { ($1.members, $0.channel.text) < ($0.members, $1.channel.text) }
            .prefix(Self.maximumListed)
            .map { DemoRoom(room: $0.channel.text, people: $0.members) }
        return DemoRoomList(rooms: rooms, online: try await messenger.onlineCount())
    }

    /// - Parameter type: what the page is answered with, `people` or `joined`.
    func people(in room: ChannelName?, as type: String = "people") async throws(MessengerError) -> DemoPeople {
        let request = PageRequest(limit: Self.maximumPeople)
        let total: Int
        let clients: [ClientID]
        if let room {
            total = try await messenger.onlineCount(in: room)
            clients = try await messenger.members(of: room, request).items
        } else {
            total = try await messenger.onlineCount()
            clients = try await messenger.onlineClients(request).items
        }
        return DemoPeople(
            type: type, room: room?.text, people: clients.prefix(Self.maximumPeople).map { DemoPerson($0) },
            total: max(total, min(clients.count, Self.maximumPeople)))
    }
}
