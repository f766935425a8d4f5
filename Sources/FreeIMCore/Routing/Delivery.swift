import NIOCore

/// What the bus loop asks of a shard, in the order of the bus.
enum ShardCommand: Sendable {
    case deliver(Delivery)
    /// Frames of which the ``send(_:_:messages:)`` behind this take their parts.
    case common(ByteBuffer)
    /// A part of the last ``common(_:)``, whole frames, for one client.
    case send(ClientID, Range<Int>, messages: Int)
    case apply(MembershipChange)
    case close(ClientID, CloseCode, reason: String)
    /// One connection, if it is still that client's.
    case closeOne(SocketID, ClientID, CloseCode, reason: String)
}

/// Frames for an audience within one shard: one message, or consecutive ones for the same audience in one buffer.
struct Delivery: Sendable {
    enum Audience: Sendable, Equatable {
        case client(ClientID)
        case clients([ClientID])
        case channel(ChannelName)
        case everyone
    }

    let audience: Audience
    /// Whole frames, one after the other.
    var frames: ByteBuffer
    /// How many messages the frames are.
    var messages = 1
    /// Bytes of the longest frame: short ones are not compressed, however many there are. nil: there is one frame.
    var longest: Int?
    /// Where each frame ends in ``frames`` and who is not to get it; empty where everybody gets everything.
    var exclusions: [Exclusion] = []
    /// The same for connections that take messages compressed, where that was made once for all shards.
    var compressed: [CompressedFrames] = []
    /// The receipts to settle; only with ``Audience/client(_:)``, of one message.
    var receipt: ReceiptID?

    /// FreeIM's echo rule: a sender with a single connection does not get its own message.
    struct Exclusion: Sendable {
        let end: Int
        let sender: ClientID?
    }
}

/// Identifies a receipt that is waiting for its shards.
struct ReceiptID: Hashable, Sendable {
    let value: UInt64
}
