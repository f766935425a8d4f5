import NIOCore

extension EnvelopeCodec {
    /// - Parameter body: the buffer whose readable bytes are `bytes`.
    static func decode(_ bytes: UnsafeRawBufferPointer, of body: ByteBuffer) throws(EnvelopeError) -> Envelope {
        var cursor = JSONCursor(bytes)
        try skipVersion1Prefix(&cursor)
        return try envelope(&cursor, of: body, mayBeForwarded: true)
    }

    private static func envelope(
        _ cursor: inout JSONCursor, of body: ByteBuffer, mayBeForwarded: Bool
    ) throws(EnvelopeError) -> Envelope {
        guard cursor.skip(Command.prefix) else { return .direct(try message(&cursor, of: body)) }
        if cursor.skip(Command.channelMessage) { return try channelMessage(&cursor, of: body) }
        if cursor.skip(Command.forceOffline) { return .forceOffline(try forcedClient(&cursor)) }
        if cursor.skip(Command.membership) { return .membership(try membershipChange(&cursor)) }
        if cursor.skip(Command.location) { return .location(try location(&cursor)) }
        if mayBeForwarded, cursor.skip(Command.forwarded) {
            return .forwarded(try envelope(&cursor, of: body, mayBeForwarded: false))
        }
        if !mayBeForwarded, cursor.skip(Command.close) { return .close(try closeCommand(&cursor)) }
        throw EnvelopeError(.unsupported, "the command is unknown", at: cursor.position)
    }

    /// ImCore 1.0 writes its clock's ticks and `|` before a body, and now and then `0\r\n` for a body.
    private static func skipVersion1Prefix(_ cursor: inout JSONCursor) throws(EnvelopeError) {
        guard let first = cursor.next, 0x30...0x39 ~= first else { return }
        if cursor.bytes.elementsEqual("0\r\n".utf8) {
            throw EnvelopeError(.keepAlive, "the body is a keep-alive", at: 0)
        }
        while let byte = cursor.next, 0x30...0x39 ~= byte { cursor.position += 1 }
        guard cursor.next == UInt8(ascii: "|") else { throw cursor.malformed("an object is expected") }
        cursor.position += 1
    }

    private static func message(
        _ cursor: inout JSONCursor, of body: ByteBuffer
    ) throws(EnvelopeError) -> DirectMessage {
        var sender: ClientID?
        var receivers: [ClientID] = []
        var content: JSONString?
        var wantsReceipt = false
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: sender = try cursor.readClient()
            case 2: receivers = try cursor.readClients()
            case 3: content = try cursor.readString()
            case 4: wantsReceipt = try cursor.readBool()
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        return DirectMessage(
            sender: unlessSystem(sender), receivers: receivers, payload: try payload(content, cursor, of: body),
            wantsReceipt: wantsReceipt)
    }

    private static func channelMessage(
        _ cursor: inout JSONCursor, of body: ByteBuffer
    ) throws(EnvelopeError) -> Envelope {
        var sender: ClientID?
        var channel: JSONString?
        var content: JSONString?
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: sender = try cursor.readClient()
            case 2: channel = try cursor.readString()
            case 3: content = try cursor.readString()
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        let payload = try payload(content, cursor, of: body)
        if let channel, !channel.range.isEmpty {
            return .channel(sender: unlessSystem(sender), channel: try cursor.channel(channel), payload: payload)
        }
        return .broadcast(sender: unlessSystem(sender), payload: payload)
    }

    /// A number as `long.TryParse` takes it, a GUID, or any id in a JSON string.
    private static func forcedClient(_ cursor: inout JSONCursor) throws(EnvelopeError) -> ClientID {
        cursor.skipSpace()
        if cursor.next == UInt8(ascii: "\"") {
            let client = try cursor.readClient()
            try cursor.finish()
            return client
        }
        let start = cursor.position
        while let byte = cursor.next, 0x21...0x7E ~= byte { cursor.position += 1 }
        let text = String(decoding: cursor.bytes[start..<cursor.position], as: UTF8.self)
        cursor.skipSpace()
        guard cursor.next == nil else { throw EnvelopeError(.invalidClient, "the id is malformed", at: start) }
        if let number = Int64(text) { return ClientID(number) }
        guard let client = ClientID(text), case .guid = client.kind else {
            throw EnvelopeError(.invalidClient, "the id is neither a number nor a GUID", at: start)
        }
        return client
    }

    private static func membershipChange(_ cursor: inout JSONCursor) throws(EnvelopeError) -> MembershipChange {
        var client: ClientID?
        var channels: [ChannelName] = []
        var kind: MembershipChange.Kind?
        var announce = false
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: client = try cursor.readClient()
            case 2: channels = try cursor.readChannels()
            case 3: kind = MembershipChange.Kind(rawValue: try cursor.readString().map(cursor.text) ?? "")
            case 4: announce = try cursor.readBool()
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        guard let client else { throw EnvelopeError(.invalidClient, "Item1, the client, is missing", at: 0) }
        guard let kind else { throw EnvelopeError(.unsupported, "Item3 is no known change of channels", at: 0) }
        return MembershipChange(kind, client: client, channels: channels, announce: announce)
    }

    private static func closeCommand(_ cursor: inout JSONCursor) throws(EnvelopeError) -> CloseCommand {
        var client: ClientID?
        var code: CloseCode?
        var reason = ""
        var connections: [ConnectionID] = []
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: client = try cursor.readClient()
            case 2: code = UInt16(try cursor.readString().map(cursor.text) ?? "").map { CloseCode(rawValue: $0) }
            case 3: reason = try cursor.readString().map(cursor.text) ?? ""
            case 4:
                for text in try cursor.readTexts() {
                    guard let connection = ConnectionID(text) else {
                        throw EnvelopeError(.unsupported, "Item4 lists what is no connection", at: cursor.position)
                    }
                    connections.append(connection)
                }
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        guard let client else { throw EnvelopeError(.invalidClient, "Item1, the client, is missing", at: 0) }
        guard let code, code.isValidOnWire else {
            throw EnvelopeError(.unsupported, "Item2 is no code to close with", at: 0)
        }
        return CloseCommand(client, code: code, reason: reason, connections: connections)
    }

    private static func location(_ cursor: inout JSONCursor) throws(EnvelopeError) -> ClientLocation {
        var client: ClientID?
        var connections: [String: Int] = [:]
        var isFirst = true
        try cursor.enterObject()
        while let name = try cursor.nextMember(&isFirst) {
            switch cursor.itemNumber(name) {
            case 1: client = try cursor.readClient()
            case 2:
                for text in try cursor.readTexts() {
                    let parts = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
                    guard parts.count == 2, let count = Int(parts[0]), count > 0 else {
                        throw EnvelopeError(.unsupported, "Item2 lists no connections of a node", at: 0)
                    }
                    connections[String(parts[1])] = count
                }
            default: try cursor.skipValue()
            }
        }
        try cursor.finish()
        guard let client else { throw EnvelopeError(.invalidClient, "Item1, the client, is missing", at: 0) }
        return ClientLocation(client, connections: connections)
    }

    private static func unlessSystem(_ sender: ClientID?) -> ClientID? {
        sender.flatMap { $0.isSystem ? nil : $0 }
    }

    private static func payload(
        _ content: JSONString?, _ cursor: JSONCursor, of body: ByteBuffer
    ) throws(EnvelopeError) -> ByteBuffer {
        guard let content else { return ByteBuffer(staticString: "null") }
        guard cursor.isUTF8(content) else {
            throw EnvelopeError(.invalidText, "Item3 is not UTF-8", at: content.range.lowerBound)
        }
        let start = body.readerIndex + content.range.lowerBound
        if !content.hasEscapes, let slice = body.getSlice(at: start, length: content.range.count) { return slice }
        var payload = ByteBufferAllocator().buffer(capacity: content.capacity)
        payload.writeWithUnsafeMutableBytes(minimumWritableBytes: content.capacity) { output in
            cursor.unescape(content, into: output)
        }
        return payload
    }
}
