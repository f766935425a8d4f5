import FoundationEssentials
public import NIOCore

/// The text that a message puts on the sockets of its receivers, unchanged, as one text frame.
public struct MessagePayload: Sendable, Equatable {
    /// UTF-8.
    public let bytes: ByteBuffer

    /// The bytes of a message where nothing else is said: what a gateway's `max_pending` lets wait for one connection.
    public static let defaultMaximumBytes = 1_024 * 1_024
    /// The largest limit. A bus carries the message as a JSON string, and a receipt as a JSON string in another one, which
    /// makes seven bytes of a control character: less than the 64 MiB that one string of Redis may have here.
    package static let largestMaximumBytes = 8 << 20

    /// JSON text that is ready to be sent; not checked.
    public init(json: String) {
        self.bytes = ByteBuffer(string: json)
    }

    /// Any text, as it is: `hello` arrives as `hello` and not as a JSON string.
    public init(text: String) {
        self.bytes = ByteBuffer(string: text)
    }

    /// The JSON text of `value`, with sorted keys and unescaped slashes. A `String` becomes a JSON string.
    ///
    /// - Throws: ``MessengerError`` with the code `invalid_message` where `value` cannot be encoded.
    public init(encoding value: some Encodable) throws(MessengerError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            self.bytes = ByteBuffer(bytes: try encoder.encode(value))
        } catch {
            throw MessengerError(.invalidMessage, "the message cannot be encoded as JSON", underlying: error)
        }
    }

    /// Bytes known to be valid UTF-8.
    package init(validated bytes: ByteBuffer) {
        self.bytes = bytes
    }
}
