public import NIOCore

extension EnvelopeCodec {
    /// Appends the body of an envelope.
    public static func encode(_ envelope: Envelope, into body: inout ByteBuffer) {
        switch envelope {
        case .direct(let message):
            encode(message, into: &body)
        case .channel(let sender, let channel, let payload):
            encode(sender: sender, channel: channel, payload, into: &body)
        case .broadcast(let sender, let payload):
            encode(sender: sender, channel: nil, payload, into: &body)
        case .forceOffline(let client):
            body.writeStaticString(Command.prefix)
            body.writeStaticString(Command.forceOffline)
            // A bare GUID is FreeIM v1's form; a name is in quotes, so that no name is taken for a number.
            if case .guid = client.kind {
                body.writeString(client.description)
            } else {
                JSONText.write(client, into: &body)
            }
        case .membership(let change):
            encode(change, into: &body)
        }
    }

    private static func encode(_ message: DirectMessage, into body: inout ByteBuffer) {
        body.writeStaticString("{\"Item1\":")
        JSONText.write(message.sender ?? ClientID(0), into: &body)
        body.writeStaticString(",\"Item2\":[")
        for (index, receiver) in message.receivers.enumerated() {
            if index > 0 { body.writeInteger(UInt8(ascii: ",")) }
            JSONText.write(receiver, into: &body)
        }
        body.writeStaticString("],\"Item3\":")
        JSONText.write(quoted: message.payload, into: &body)
        body.writeStaticString(message.wantsReceipt ? ",\"Item4\":true}" : ",\"Item4\":false}")
    }

    private static func encode(
        sender: ClientID?, channel: ChannelName?, _ payload: ByteBuffer, into body: inout ByteBuffer
    ) {
        body.writeStaticString(Command.prefix)
        body.writeStaticString(Command.channelMessage)
        body.writeStaticString("{\"Item1\":")
        JSONText.write(sender ?? ClientID(0), into: &body)
        body.writeStaticString(",\"Item2\":")
        JSONText.write(channel?.text, into: &body)
        body.writeStaticString(",\"Item3\":")
        JSONText.write(quoted: payload, into: &body)
        body.writeInteger(UInt8(ascii: "}"))
    }

    private static func encode(_ change: MembershipChange, into body: inout ByteBuffer) {
        body.writeStaticString(Command.prefix)
        body.writeStaticString(Command.membership)
        body.writeStaticString("{\"Item1\":")
        JSONText.write(change.client, into: &body)
        body.writeStaticString(",\"Item2\":")
        JSONText.write(change.channels, into: &body)
        body.writeStaticString(",\"Item3\":\"")
        body.writeString(change.kind.rawValue)
        body.writeStaticString(change.announce ? "\",\"Item4\":true}" : "\",\"Item4\":false}")
    }
}
