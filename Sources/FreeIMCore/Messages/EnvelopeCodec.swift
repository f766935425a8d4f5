public import NIOCore

/// The bodies of FreeIM's bus: FreeIM v2, v1 (GUIDs, `digits|` before the body) and our additions.
///
/// What FreeIM's `ImHelper` writes is written byte for byte; what its server reads with Json.NET is read, and what
/// makes it throw is an error. Ids may also be JSON strings; the text decides the kind, as everywhere (``ClientID``).
public enum EnvelopeCodec {
    /// Reads a body. Linear in its size; the payload may share the body's memory.
    ///
    /// - A message without text has the payload `null`, as a null message of FreeIM has.
    /// - Without receivers ``DirectMessage/receivers`` is empty.
    /// - A channel that is null or empty makes a broadcast.
    public static func decode(_ body: ByteBuffer) throws(EnvelopeError) -> Envelope {
        try body.withUnsafeReadableBytes { bytes in
            Result { () throws(EnvelopeError) in try decode(bytes, of: body) }
        }.get()
    }

    /// The body of an envelope.
    ///
    /// - Parameter dialect: decides what stands for a missing sender.
    public static func encode(
        _ envelope: Envelope, dialect: Dialect = .v2, allocator: ByteBufferAllocator = .init()
    ) -> ByteBuffer {
        // The payload, half of it again for escapes, 20 digits per receiver, names of members.
        var capacity = 128
        switch envelope {
        case .direct(let message):
            capacity += message.payload.readableBytes * 3 / 2 + message.receivers.count * 20
        case .channel(_, _, let payload), .broadcast(_, let payload):
            capacity += payload.readableBytes * 3 / 2
        case .forwarded(.direct(let message)):
            capacity += message.payload.readableBytes * 3 / 2
        case .forceOffline, .membership, .location, .close, .forwarded:
            break
        }
        var body = allocator.buffer(capacity: capacity)
        encode(envelope, dialect: dialect, into: &body)
        return body
    }

    /// What begins the body of anything but a message for clients.
    enum Command {
        static let prefix: StaticString = "__FreeIM__("
        static let forceOffline: StaticString = "ForceOffline)"
        static let channelMessage: StaticString = "ChanMessage)"
        static let membership: StaticString = "Membership)"
        static let location: StaticString = "Location)"
        static let forwarded: StaticString = "Forwarded)"
        static let close: StaticString = "Close)"
    }
}
