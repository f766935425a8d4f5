import FoundationEssentials
import FreeIMCore
import NIOCore

/// What the page asks for: one JSON object in a text frame, `{"do":"join","room":"lobby"}`.
enum DemoCommand: Sendable, Equatable {
    /// Become a member of a room, and hear the news of all rooms.
    case join(room: ChannelName)
    case leave(room: ChannelName)
    /// A message for a room.
    case say(room: ChannelName, text: String, id: String?)
    /// A message for one client, with a receipt.
    case direct(to: ClientID, text: String, id: String?)
    /// All rooms with their numbers of people.
    case rooms
    /// Who is in a room; nil: who is online.
    case people(room: ChannelName?)

    /// The longest message, in characters.
    static let maximumText = 2_000
    /// The longest name of a room, in characters.
    static let maximumRoomName = 50
    /// The longest id that a page gives a message, in bytes.
    static let maximumID = 64

    init(_ content: InboundMessage.Content) throws(DemoFault) {
        guard case .text(let text) = content else {
            throw DemoFault("binary messages mean nothing here; commands are JSON text")
        }
        let fields: Fields
        do {
            fields = try JSONDecoder().decode(Fields.self, from: Data(text.readableBytesView))
        } catch {
            throw DemoFault("a command is a JSON object of strings, like {\"do\":\"join\",\"room\":\"lobby\"}")
        }
        switch fields.verb {
        case "join": self = .join(room: try fields.requiredRoom())
        case "leave": self = .leave(room: try fields.requiredRoom())
        case "say":
            self = .say(room: try fields.requiredRoom(), text: try fields.requiredText(), id: try fields.checkedID())
        case "direct":
            self = .direct(
                to: try fields.requiredReceiver(), text: try fields.requiredText(), id: try fields.checkedID())
        case "rooms": self = .rooms
        case "people": self = .people(room: try fields.optionalRoom())
        default:
            throw DemoFault("unknown command; there are join, leave, say, direct, rooms and people", id: fields.id)
        }
    }

    private struct Fields: Decodable {
        let verb: String?
        let room: String?
        let to: String?
        let text: String?
        let id: String?

        enum CodingKeys: String, CodingKey {
            case verb = "do"
            case room, to, text, id
        }

        func optionalRoom() throws(DemoFault) -> ChannelName? {
            guard let room = room?.trimmed else { return nil }
            guard room.count <= maximumRoomName, let channel = ChannelName(room), channel != DemoRooms.news else {
                throw DemoFault(
                    "a room's name has 1 to \(maximumRoomName) characters, without control characters", id: id)
            }
            return channel
        }

        func requiredRoom() throws(DemoFault) -> ChannelName {
            guard let room = try optionalRoom() else { throw DemoFault("'room' is missing", id: id) }
            return room
        }

        func requiredReceiver() throws(DemoFault) -> ClientID {
            guard let client = to.flatMap({ ClientID($0) }), !client.isSystem else {
                throw DemoFault("'to' must be the id of a client", id: id)
            }
            return client
        }

        func requiredText() throws(DemoFault) -> String {
            guard let text = text?.trimmed, 1...maximumText ~= text.count else {
                throw DemoFault("a message has 1 to \(maximumText) characters", id: id)
            }
            return text
        }

        func checkedID() throws(DemoFault) -> String? {
            if let id, id.utf8.count > maximumID { throw DemoFault("an 'id' has at most \(maximumID) bytes") }
            return id
        }
    }
}

/// Why a command was not carried out; told to the page.
struct DemoFault: Error {
    let message: String
    /// The message that the command was about.
    let id: String?

    init(_ message: String, id: String? = nil) {
        self.message = message
        self.id = id.flatMap { $0.utf8.count <= DemoCommand.maximumID ? $0 : nil }
    }
}
