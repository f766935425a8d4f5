import FreeIMCore

/// What the page is told: JSON text with a `type`.
protocol DemoText: Encodable, Sendable {}

extension DemoText {
    func payload() throws(MessengerError) -> MessagePayload { try MessagePayload(encoding: self) }
}

/// A client and what it is called.
struct DemoPerson: Encodable, Sendable, Equatable {
    let client: String
    let nick: String

    init(_ client: ClientID) {
        self.client = client.description
        self.nick = DemoVisitor.nickname(of: client)
    }
}

/// A room and how many are in it.
struct DemoRoom: Encodable, Sendable, Equatable {
    let room: String
    let people: Int
}

/// Somebody's message in a room.
struct DemoSaid: DemoText {
    let type = "say"
    let room: String
    /// Made by the sender's page, which may get the message back and must know it again.
    let id: String?
    let from: DemoPerson
    let text: String
}

/// Somebody's message for one client.
struct DemoDirect: DemoText {
    let type = "direct"
    let id: String?
    let from: DemoPerson
    let to: DemoPerson
    let text: String
}

/// The bus has taken a message.
struct DemoSent: DemoText {
    let type = "sent"
    let id: String?
}

/// Answers `rooms`.
struct DemoRoomList: DemoText {
    let type = "rooms"
    let rooms: [DemoRoom]
    /// Clients online.
    let online: Int
}

/// Answers `people`, `join` and `leave`.
struct DemoPeople: DemoText {
    let type: String
    /// nil: who is online.
    let room: String?
    /// The first of them.
    let people: [DemoPerson]
    /// How many there are.
    let total: Int
}

struct DemoLeft: DemoText {
    let type = "left"
    let room: String
}

/// A command was not carried out.
struct DemoRefusal: DemoText {
    let type = "error"
    let message: String
    /// The message that the command was about.
    let id: String?
}

/// What happened since the last news, in order, and how the rooms stand.
struct DemoNews: DemoText {
    struct Change: Encodable, Sendable, Equatable {
        enum Kind: String, Encodable, Sendable { case online, offline, joined, left }

        let what: Kind
        let client: String
        let nick: String
        let room: String?

        init(_ what: Kind, _ client: ClientID, room: ChannelName? = nil) {
            self.what = what
            self.client = client.description
            self.nick = DemoVisitor.nickname(of: client)
            self.room = room?.text
        }
    }

    let type = "news"
    let changes: [Change]
    /// More happened than is told: ask who is there.
    let isPartial: Bool
    let rooms: [DemoRoom]
    /// Clients online.
    let online: Int
}
