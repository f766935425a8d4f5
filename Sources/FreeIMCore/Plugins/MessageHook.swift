public import NIOCore

/// Sees messages on their way: those of the bus before they are delivered, and those that terminals send.
public protocol MessageHook: Sendable {
    /// Called for each message before its delivery, in manifest order, once per node and not per receiver.
    ///
    /// Runs on the node's bus loop, on the message path: it must not block. May change the message.
    func willDeliver(_ message: inout OutboundMessage) -> OutboundVerdict

    /// True where the hook wants the messages of terminals; the gateway's `inbound` must then be `hook`.
    var takesInbound: Bool { get }

    /// Called for each message of a terminal, in manifest order until a hook answers other than `.next`.
    ///
    /// Runs on Swift's cooperative pool: in order for one connection, several connections at once. A connection is not
    /// read while too many of its messages wait. An error that is thrown is logged and counted; the connection stays.
    func receive(_ message: InboundMessage, messenger: Messenger) async throws -> InboundVerdict
}

extension MessageHook {
    public func willDeliver(_ message: inout OutboundMessage) -> OutboundVerdict { .deliver }
    public var takesInbound: Bool { false }
    public func receive(_ message: InboundMessage, messenger: Messenger) async throws -> InboundVerdict { .next }
}

/// A message of the bus before its delivery.
public struct OutboundMessage: Sendable {
    public enum Audience: Sendable, Equatable {
        case clients([ClientID])
        case channel(ChannelName)
        case everyone
    }

    /// nil: the system.
    public let sender: ClientID?
    public let audience: Audience
    /// The text that the sockets will get; UTF-8.
    public var payload: ByteBuffer

    public init(sender: ClientID?, audience: Audience, payload: ByteBuffer) {
        self.sender = sender
        self.audience = audience
        self.payload = payload
    }
}

public enum OutboundVerdict: Sendable, Equatable {
    case deliver
    /// Nobody gets it; counted. A receipt, where one is wanted, says that nobody was reached.
    case stop
}

/// A message that a terminal sent.
public struct InboundMessage: Sendable {
    public enum Content: Sendable, Equatable {
        /// Valid UTF-8.
        case text(ByteBuffer)
        case binary(ByteBuffer)
    }

    public let sender: Identity
    public let content: Content

    public init(sender: Identity, content: Content) {
        self.sender = sender
        self.content = content
    }
}

public enum InboundVerdict: Sendable, Equatable {
    /// Not a matter for this hook: ask the next. After the last one the message is dropped.
    case next
    /// Dealt with.
    case handled
    /// Dealt with; send this text back on the same connection.
    case reply(String)
    /// Close the connection.
    case close(CloseCode, reason: String)
}
