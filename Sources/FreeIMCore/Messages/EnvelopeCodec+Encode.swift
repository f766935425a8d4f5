public import NIOCore

extension EnvelopeCodec {
    /// Appends the body of an envelope.
    public static func encode(_ envelope: Envelope, dialect: Dialect = .v2, into body: inout ByteBuffer) {
        switch envelope {
        case .direct(let message):
            encode(message, dialect, into: &body)
        case .channel(let sender, let channel, let payload):
            encode(sender: sender ?? dialect.system, channel: channel, payload, into: &body)
        case .broadcast(let sender, let payload):
            encode(sender: sender ?? dialect.system, channel: nil, payload, into: &body)
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
        case .location(let location):
            encode(location, into: &body)
        case .close(let command):
            encode(command, into: &body)
        case .forwarded(let inner):
            body.writeStaticString(Command.prefix)
            body.writeStaticString(Command.forwarded)
            encode(inner, dialect: dialect, into: &body)
        }
    }

    private static func encode(_ message: DirectMessage, _ dialect: Dialect, into body: inout ByteBuffer) {
        body.writeStaticString("{\"Item1\":")
        JSONText.write(message.sender ?? dialect.system, into: &body)
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
        sender: ClientID, channel: ChannelName?, _ payload: ByteBuffer, into body: inout ByteBuffer
    ) {
        body.writeStaticString(Command.prefix)
        body.writeStaticString(Command.channelMessage)
        body.writeStaticString("{\"Item1\":")
        JSONText.write(sender, into: &body)
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

    private static func encode(_ command: CloseCommand, into body: inout ByteBuffer) {
        body.writeStaticString(Command.prefix)
        body.writeStaticString(Command.close)
        body.writeStaticString("{\"Item1\":")
        JSONText.write(command.client, into: &body)
        body.writeStaticString(",\"Item2\":")
        body.writeString(command.code.description)
        body.writeStaticString(",\"Item3\":")
        JSONText.write(command.reason, into: &body)
        body.writeStaticString(",\"Item4\":[")
        for (index, connection) in command.connections.enumerated() {
            if index > 0 { body.writeInteger(UInt8(ascii: ",")) }
            JSONText.write(connection.description, into: &body)
        }
        body.writeStaticString("]}")
    }

    private static func encode(_ location: ClientLocation, into body: inout ByteBuffer) {
        body.writeStaticString(Command.prefix)
        body.writeStaticString(Command.location)
        body.writeStaticString("{\"Item1\":")
        JSONText.write(location.client, into: &body)
        body.writeStaticString(",\"Item2\":[")
        for (index, node) in location.connections.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { body.writeInteger(UInt8(ascii: ",")) }
            JSONText.write("\(node.value) \(node.key)", into: &body)
        }
        body.writeStaticString("]}")
    }
}
