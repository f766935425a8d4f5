/// What the event bus tells.
public enum PresenceEvent: Sendable, Equatable {
    /// A client's first connection opened; with `announce: every_connection`, any connection.
    case online(Identity)
    /// A client's last connection closed; with `announce: every_connection`, any connection.
    case offline(Identity)
    case joined(ClientID, [ChannelName])
    /// Also when a client went offline and left its channels thereby.
    case left(ClientID, [ChannelName])
    /// This subscriber was too slow: so many events were dropped in front of the next one.
    case missed(Int)
}
