import FreeIMCore
import NIOCore

/// The business side of the demo page: carries out what pages ask for over their WebSockets.
///
/// It holds no state and uses nothing that another hook could not.
struct DemoChat: MessageHook {
    /// Rooms that a client may be in.
    static let maximumRooms = 20

    /// A client whose connection has just opened may not be stored as online yet. Short, since other clients' commands
    /// wait meanwhile; the page joins again when the room is chosen again.
    private static let patience = (tries: 4, pause: Duration.milliseconds(25))

    init() {}

    var takesInbound: Bool { true }

    func receive(_ message: InboundMessage, messenger: Messenger) async throws -> InboundVerdict {
        let sender = message.sender.client
        var id: String?
        do {
            let command = try DemoCommand(message.content)
            id = command.id
            return try await carryOut(command, of: sender, messenger)
        } catch let fault as DemoFault {
            return try .reply(DemoRefusal(message: fault.message, id: fault.id))
        } catch let error as MessengerError {
            return try .reply(DemoRefusal(message: error.message, id: id))
        }
    }

    private func carryOut(
        _ command: DemoCommand, of sender: ClientID, _ messenger: Messenger
    ) async throws -> InboundVerdict {
        let rooms = DemoRooms(messenger: messenger)
        switch command {
        case .join(let room):
            try await join(room, sender, messenger)
            return try .reply(await rooms.people(in: room, as: "joined"))
        case .leave(let room):
            try await messenger.leave(sender, [room])
            return try .reply(DemoLeft(room: room.text))
        case .say(let room, let text, let id):
            guard try await messenger.channels(of: sender).contains(room) else {
                throw DemoFault("you are not in '\(room)'; join it first", id: id)
            }
            let said = DemoSaid(room: room.text, id: id, from: DemoPerson(sender), text: text)
            try await messenger.send(try said.payload(), from: sender, toChannel: room)
            return try .reply(DemoSent(id: id))
        case .direct(let receiver, let text, let id):
            guard receiver != sender else { throw DemoFault("that would be a message to yourself", id: id) }
            let direct = DemoDirect(id: id, from: DemoPerson(sender), to: DemoPerson(receiver), text: text)
            // The sender gets it too where it has several connections, and shows it in all of them.
            try await messenger.send(try direct.payload(), from: sender, to: [receiver, sender], receipt: true)
            return try .reply(DemoSent(id: id))
        case .rooms:
            return try .reply(await rooms.list())
        case .people(let room):
            return try .reply(await rooms.people(in: room))
        }
    }

    private func join(_ room: ChannelName, _ client: ClientID, _ messenger: Messenger) async throws {
        let current = try await messenger.channels(of: client).filter { $0 != DemoRooms.news }
        guard current.count < Self.maximumRooms || current.contains(room) else {
            throw DemoFault("you are in \(Self.maximumRooms) rooms, the most there can be; leave one first")
        }
        let channels = [room] + [DemoRooms.news].compactMap { $0 }
        try await messenger.join(client, channels)
        // Memberships end with a client's last connection. Had that closed before the join, they would stay for ever.
        for _ in 0..<Self.patience.tries {
            if try await messenger.isOnline(client) { return }
            try await Task.sleep(for: Self.patience.pause)
        }
        try await messenger.leave(client, channels)
        throw DemoFault("you are not online any more")
    }
}

extension DemoCommand {
    /// The message that the command is about.
    fileprivate var id: String? {
        switch self {
        case .say(_, _, let id), .direct(_, _, let id): id
        default: nil
        }
    }
}

extension InboundVerdict {
    fileprivate static func reply(_ text: some DemoText) throws(MessengerError) -> InboundVerdict {
        .reply(String(buffer: try text.payload().bytes))
    }
}
