/// What FreeIM's tuples hold: `Item1` to `Item4`, ids, lists.
extension JSONCursor {
    /// Whether the cursor is at `prefix`; passes it if so.
    mutating func skip(_ prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        guard bytes.count - position >= length else { return false }
        let matches = prefix.withUTF8Buffer { $0.elementsEqual(bytes[position..<position + length]) }
        if matches { position += length }
        return matches
    }

    /// 1 to 9 for `Item1` to `Item9` in any case, 0 for any other name.
    func itemNumber(_ name: JSONString) -> Int {
        let start = name.range.lowerBound
        guard !name.hasEscapes else { return escapedItemNumber(name) }
        guard name.range.count == 5, bytes[start] | 0x20 == UInt8(ascii: "i"),
            bytes[start + 1] | 0x20 == UInt8(ascii: "t"), bytes[start + 2] | 0x20 == UInt8(ascii: "e"),
            bytes[start + 3] | 0x20 == UInt8(ascii: "m")
        else { return 0 }
        let digit = bytes[start + 4] &- UInt8(ascii: "0")
        return digit <= 9 ? Int(digit) : 0
    }

    private func escapedItemNumber(_ name: JSONString) -> Int {
        // Five characters of six bytes each.
        guard name.range.count <= 30, let text = try? text(name) else { return 0 }
        let lowercase = text.lowercased()
        return (1...9).first { lowercase == "item\($0)" } ?? 0
    }

    /// A number, rounded half to even as `Convert.ToInt64` does, or a string that ``ClientID`` takes.
    mutating func readClient() throws(EnvelopeError) -> ClientID {
        try skipTrivia()
        let start = position
        if isAtNumber {
            switch try readNumber() {
            case .integer(let number): return ClientID(number)
            case .floating(let value):
                if let number = Int64(exactly: value.rounded(.toNearestOrEven)) { return ClientID(number) }
            }
        } else if next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") {
            let string = try scanString()
            // A GUID needs no copy of its text.
            if !string.hasEscapes, let client = ClientID(guid: UnsafeRawBufferPointer(rebasing: bytes[string.range])) {
                return client
            }
            if let client = ClientID(try text(string)) { return client }
        } else if skipWord("true") {
            return ClientID(1)
        } else if skipWord("false") {
            return ClientID(0)
        }
        throw EnvelopeError(.invalidClient, "an id is expected", at: start)
    }

    mutating func readClients() throws(EnvelopeError) -> [ClientID] {
        var clients: [ClientID] = []
        try readList { cursor throws(EnvelopeError) in clients.append(try cursor.readClient()) }
        return clients
    }

    mutating func readChannels() throws(EnvelopeError) -> [ChannelName] {
        var channels: [ChannelName] = []
        try readList { cursor throws(EnvelopeError) in
            guard let string = try cursor.readString() else {
                throw EnvelopeError(.invalidChannel, "a channel is expected", at: cursor.position)
            }
            channels.append(try cursor.channel(string))
        }
        return channels
    }

    mutating func readTexts() throws(EnvelopeError) -> [String] {
        var texts: [String] = []
        try readList { cursor throws(EnvelopeError) in
            guard let string = try cursor.readString() else {
                throw EnvelopeError(.invalidText, "a text is expected", at: cursor.position)
            }
            texts.append(try cursor.text(string))
        }
        return texts
    }

    func channel(_ string: JSONString) throws(EnvelopeError) -> ChannelName {
        if let channel = ChannelName(try text(string)) { return channel }
        throw EnvelopeError(.invalidChannel, "the channel's name is invalid", at: string.range.lowerBound)
    }

    /// A list that may be null, missing, an empty string, or wrapped in an object with Json.NET's `$` members.
    private mutating func readList(
        _ element: (inout JSONCursor) throws(EnvelopeError) -> Void
    ) throws(EnvelopeError) {
        try skipTrivia()
        switch next {
        case UInt8(ascii: "["): try readElements(element)
        case UInt8(ascii: "{"): try readWrappedList(element)
        case UInt8(ascii: ","): return
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            let start = position
            guard try scanString().range.isEmpty else {
                position = start
                throw malformed("a list is expected")
            }
        default:
            guard skipWord("null") || skipWord("undefined") else { throw malformed("a list is expected") }
        }
    }

    private mutating func readElements(
        _ element: (inout JSONCursor) throws(EnvelopeError) -> Void
    ) throws(EnvelopeError) {
        position += 1
        try skipTrivia()
        while next != UInt8(ascii: "]") {
            try element(&self)
            try skipTrivia()
            if next == UInt8(ascii: ",") {
                position += 1
                try skipTrivia()
            } else if next != UInt8(ascii: "]") {
                throw malformed("',' or ']' is expected")
            }
        }
        position += 1
    }

    private mutating func readWrappedList(
        _ element: (inout JSONCursor) throws(EnvelopeError) -> Void
    ) throws(EnvelopeError) {
        let start = position
        var isFirst = true
        var hasValues = false
        try enterObject()
        while let name = try nextMember(&isFirst) {
            switch try text(name) {
            case "$values" where !hasValues:
                hasValues = true
                try skipTrivia()
                guard next == UInt8(ascii: "[") else { throw malformed("$values is not a list") }
                try readElements(element)
            case "$type", "$id": try skipValue()
            default: throw malformed("a list is expected")
            }
        }
        guard hasValues else {
            position = start
            throw malformed("a list is expected")
        }
    }
}
