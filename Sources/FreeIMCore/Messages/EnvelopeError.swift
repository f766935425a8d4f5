/// Why a body on the bus, a token's value or an event could not be read.
public struct EnvelopeError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The body is not JSON, or a member is not of its kind.
        public static let malformed = Code(description: "malformed")
        /// The body is a command that this version does not know.
        public static let unsupported = Code(description: "unsupported")
        /// An id is missing, or is none that ``ClientID`` takes.
        public static let invalidClient = Code(description: "invalid_client")
        /// A name is none that ``ChannelName`` takes.
        public static let invalidChannel = Code(description: "invalid_channel")
        /// A text is not UTF-8.
        public static let invalidText = Code(description: "invalid_text")
        /// Not a message: what ImCore 1.0 publishes every 60 s. To be ignored.
        public static let keepAlive = Code(description: "keep_alive")
    }

    public var code: Code
    /// Names the thing; holds nothing of the body.
    public var message: String
    /// Where reading stopped, in bytes from the body's start.
    public var offset: Int

    public init(_ code: Code, _ message: String, at offset: Int) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    public var description: String { "\(message), at byte \(offset) [\(code)]" }
}
