package import NIOCore

/// JSON text as Json.NET writes it.
package enum JSONText {
    /// `string` as a JSON string.
    package static func quoted(_ string: String) -> ByteBuffer {
        var text = ByteBuffer()
        write(string, into: &text)
        return text
    }

    /// The text of the value of a top-level member, without white space around it; nil where there is no such member.
    /// Of several members of that name it is the last.
    ///
    /// - Parameter object: an object that a parser of RFC 8259 has accepted as UTF-8. Of any other text the result is
    ///   some part, or nil.
    package static func member(_ name: String, of object: ByteBuffer) -> ByteBuffer? {
        let range = object.withUnsafeReadableBytes { bytes in
            var cursor = JSONCursor(bytes)
            return try? cursor.lastValue(of: name)
        }
        guard let range else { return nil }
        return object.getSlice(at: object.readerIndex + range.lowerBound, length: range.count)
    }

    /// A JSON string, or `null`.
    static func write(_ string: String?, into text: inout ByteBuffer) {
        guard var string else {
            text.writeStaticString("null")
            return
        }
        string.withUTF8 { write(quoted: UnsafeRawBufferPointer($0), into: &text) }
    }

    static func write(quoted bytes: ByteBuffer, into text: inout ByteBuffer) {
        bytes.withUnsafeReadableBytes { write(quoted: $0, into: &text) }
    }

    /// A number, or a string for any other id.
    static func write(_ client: ClientID, into text: inout ByteBuffer) {
        switch client.kind {
        case .number(let number): text.writeString(String(number))
        case .guid, .name: write(client.description, into: &text)
        }
    }

    static func write(_ channels: [ChannelName], into text: inout ByteBuffer) {
        text.writeInteger(UInt8(ascii: "["))
        for (index, channel) in channels.enumerated() {
            if index > 0 { text.writeInteger(UInt8(ascii: ",")) }
            write(channel.text, into: &text)
        }
        text.writeInteger(UInt8(ascii: "]"))
    }
}

extension JSONCursor {
    /// Where the last top-level member of the name has its value.
    fileprivate mutating func lastValue(of name: String) throws(EnvelopeError) -> Range<Int>? {
        _ = skip("\u{FEFF}")
        var found: Range<Int>?
        var isFirst = true
        try enterObject()
        while let member = try nextMember(&isFirst) {
            skipSpace()
            let start = position
            try skipStrictValue()
            if try text(member) == name { found = start..<position }
        }
        return found
    }

    /// Passes a value of text that is known to be JSON, nested as deeply as its parser took it.
    private mutating func skipStrictValue() throws(EnvelopeError) {
        var depth = 0
        repeat {
            switch next {
            case nil: throw malformed("a value does not end")
            case UInt8(ascii: "\""): _ = try scanString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                position += 1
            case 0x09, 0x0A, 0x0D, 0x20, UInt8(ascii: ","), UInt8(ascii: ":"): position += 1
            default: skipStrictScalar()
            }
        } while depth > 0
    }

    private mutating func skipStrictScalar() {
        position += 1
        while let byte = next {
            switch byte {
            case 0x09, 0x0A, 0x0D, 0x20, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"): return
            default: position += 1
            }
        }
    }
}
