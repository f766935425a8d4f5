public import NIOCore

/// The bodies of presence events. A token's value is the body of its connection's events, byte for byte.
public enum PresenceEventBody {
    /// `{"Item1":<client>,"Item2":"<metadata>"}`, as FreeIM's `ImHelper` writes it, and behind it `"Item3":"<device>"`
    /// where there is one, which FreeIM passes over; or the identity's ``Identity/eventBody``.
    public static func encode(_ identity: Identity) -> ByteBuffer {
        if let body = identity.eventBody { return ByteBuffer(string: body) }
        var body = ByteBuffer()
        body.writeStaticString("{\"Item1\":")
        JSONText.write(identity.client, into: &body)
        body.writeStaticString(",\"Item2\":")
        JSONText.write(identity.metadata, into: &body)
        if let device = identity.device {
            body.writeStaticString(",\"Item3\":")
            JSONText.write(device, into: &body)
        }
        body.writeInteger(UInt8(ascii: "}"))
        return body
    }

    /// Reads what ``encode(_:)`` or any `ImHelper` wrote, as leniently as FreeIM does; but a missing id is an error.
    public static func decode(_ body: ByteBuffer) throws(EnvelopeError) -> Identity {
        try body.withUnsafeReadableBytes { bytes in
            Result { () throws(EnvelopeError) in try identity(bytes) }
        }.get()
    }

    /// `{"Item1":<client>,"Item2":["<channel>",...]}`: the channels that a client joined, or left. An addition of ours
    /// to FreeIM's wire.
    public static func encode(_ client: ClientID, _ channels: [ChannelName]) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"Item1\":")
        JSONText.write(client, into: &body)
        body.writeStaticString(",\"Item2\":")
        JSONText.write(channels, into: &body)
        body.writeInteger(UInt8(ascii: "}"))
        return body
    }

    /// Reads what ``encode(_:_:)`` wrote.
    public static func decodeChannels(
        _ body: ByteBuffer
    ) throws(EnvelopeError) -> (client: ClientID, channels: [ChannelName]) {
        try body.withUnsafeReadableBytes { bytes in
            Result { () throws(EnvelopeError) in try channels(bytes) }
        }.get()
    }

    private static func identity(_ bytes: UnsafeRawBufferPointer) throws(EnvelopeError) -> Identity {
        var cursor = JSONCursor(bytes)
        var client: ClientID?
        var metadata: JSONString?
        var device: String?
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: client = try cursor.readClient()
            case 2: metadata = try cursor.readString()
            case 3: device = try cursor.readDevice()
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        guard let client else { throw missingClient }
        return Identity(client: client, metadata: try metadata.map(cursor.text), device: device)
    }

    private static func channels(
        _ bytes: UnsafeRawBufferPointer
    ) throws(EnvelopeError) -> (client: ClientID, channels: [ChannelName]) {
        var cursor = JSONCursor(bytes)
        var client: ClientID?
        var channels: [ChannelName] = []
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: client = try cursor.readClient()
            case 2: channels = try cursor.readChannels()
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        guard let client else { throw missingClient }
        return (client, channels)
    }

    private static var missingClient: EnvelopeError {
        EnvelopeError(.invalidClient, "Item1, the client, is missing", at: 0)
    }
}

extension JSONCursor {
    /// nil for whatever else somebody's tokens have in that place.
    fileprivate mutating func readDevice() throws(EnvelopeError) -> String? {
        let start = position
        try skipTrivia()
        guard next == UInt8(ascii: "\"") else {
            position = start
            try skipValue()
            return nil
        }
        let text = try readString().map(self.text)
        return text.flatMap { Identity.isDevice($0) ? $0 : nil }
    }
}
