public import NIOCore

/// What travels on the bus from a sender to a node, decoded.
public enum Envelope: Sendable, Equatable {
    /// A message for one or several clients.
    case direct(DirectMessage)
    /// A message for the members of a channel.
    case channel(sender: ClientID?, channel: ChannelName, payload: ByteBuffer)
    /// A message for every connection.
    case broadcast(sender: ClientID?, payload: ByteBuffer)
    /// Close all connections of a client.
    case forceOffline(ClientID)
    /// A change of a client's channels; an addition of ours to FreeIM's wire.
    case membership(MembershipChange)
}

/// A message for one or several clients.
public struct DirectMessage: Sendable, Equatable {
    /// nil: the system.
    public var sender: ClientID?
    public var receivers: [ClientID]
    /// The text that each receiver's sockets get, unchanged; UTF-8.
    public var payload: ByteBuffer
    /// Whether the sender is told what became of the message.
    public var wantsReceipt: Bool

    public init(sender: ClientID?, receivers: [ClientID], payload: ByteBuffer, wantsReceipt: Bool = false) {
        self.sender = sender
        self.receivers = receivers
        self.payload = payload
        self.wantsReceipt = wantsReceipt
    }
}

/// A change of a client's channels, told to the nodes that hold the client's connections.
public struct MembershipChange: Sendable, Equatable {
    public enum Kind: String, Sendable {
        /// The client joined the channels.
        case joined
        /// The client left the channels.
        case left
        /// The client connected, and was a member of the channels before.
        case present
    }

    public var kind: Kind
    public var client: ClientID
    public var channels: [ChannelName]
    /// Whether the node that gets this one publishes the joined and left events; one of a client's nodes does.
    public var announce: Bool

    public init(_ kind: Kind, client: ClientID, channels: [ChannelName], announce: Bool = false) {
        self.kind = kind
        self.client = client
        self.channels = channels
        self.announce = announce
    }
}
