/// What came to a node that neither has the client nor is its home; a business service with another list of servers
/// sends such.
enum MisroutedMessage: Sendable {
    /// With one receiver.
    case direct(DirectMessage)
    case forceOffline(ClientID)

    var client: ClientID? {
        switch self {
        case .direct(let message): message.receivers.first
        case .forceOffline(let client): client
        }
    }

    var envelope: Envelope {
        switch self {
        case .direct(let message): .direct(message)
        case .forceOffline(let client): .forceOffline(client)
        }
    }
}
