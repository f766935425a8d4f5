package import NIOCore

/// JSON text as Json.NET writes it.
package enum JSONText {
    /// A JSON string, or `null`.
    package static func write(_ string: String?, into text: inout ByteBuffer) {
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
