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
    /// Where a client is connected; an addition of ours.
    case location(ClientLocation)
    /// Close connections of a client, with a code and a reason; an addition of ours, only ever ``forwarded(_:)``.
    case close(CloseCommand)
    /// A message for a client, or its force-offline, that came to a node without the client, or a ``close(_:)``; not sent
    /// on again. An addition of ours.
    indirect case forwarded(Envelope)

    /// False for what tells a node where clients are and in which channels.
    var isMessage: Bool {
        switch self {
        case .direct, .channel, .broadcast, .forceOffline, .close, .forwarded: true
        case .membership, .location: false
        }
    }
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

/// What ends connections of a client on one node.
public struct CloseCommand: Sendable, Equatable {
    public var client: ClientID
    public var code: CloseCode
    /// For people; at most 123 bytes of it reach the terminal.
    public var reason: String
    /// Those of another process are passed over; empty: all that the client has on the node.
    public var connections: [ConnectionID]

    public init(_ client: ClientID, code: CloseCode, reason: String, connections: [ConnectionID] = []) {
        self.client = client
        self.code = code
        self.reason = reason
        self.connections = connections
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
        /// The client is in these channels and in no others.
        case exact
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

/// On which nodes a client has connections, told to the client's home node and to those nodes, for a client that has
/// connections elsewhere than at home.
public struct ClientLocation: Sendable, Equatable {
    /// The system's id ends a list of all locations: what was told before ``listBegins`` is out of date.
    public var client: ClientID
    /// Connections by the nodes' names.
    public var connections: [String: Int]

    public init(_ client: ClientID, connections: [String: Int]) {
        self.client = client
        self.connections = connections
    }

    /// Begins a list of all locations.
    public static let listBegins = ClientLocation(0, connections: ["": 1])
    /// Ends it.
    public static let listEnds = ClientLocation(0, connections: [:])
}
