/// Why a ``Messenger`` could not do as asked.
public struct MessengerError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The message cannot be encoded as JSON.
        public static let invalidMessage = Code(description: "invalid_message")
        /// The message has more bytes than ``Messenger/maximumMessageBytes``.
        public static let messageTooLarge = Code(description: "message_too_large")
        /// The system's id where a client's is needed, or a cursor that is none.
        public static let invalidArgument = Code(description: "invalid_argument")
        /// The client is in as many channels as it may; see ``ChannelLimits/channelsPerClient``.
        public static let tooManyChannels = Code(description: "too_many_channels")
        /// The channel has as many members as it may; see ``ChannelLimits/membersPerChannel``.
        public static let channelFull = Code(description: "channel_full")
        /// The node was assembled without the module that this needs.
        public static let notSupported = Code(description: "not_supported")
        /// A limit is reached; again later.
        public static let overloaded = Code(description: "overloaded")
        /// The bus or a store cannot be reached; again later.
        public static let unavailable = Code(description: "unavailable")
    }

    public var code: Code
    /// Names the thing and the remedy.
    public var message: String
    public var underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public var description: String {
        "\(message) [\(code)]" + (underlying.map { ": \($0)" } ?? "")
    }
}

extension MessengerError {
    init(_ error: PresenceError) {
        let code: Code =
            switch error.code {
            case .invalidCursor: .invalidArgument
            case .tooManyChannels: .tooManyChannels
            case .channelFull: .channelFull
            case .limitReached: .overloaded
            case .unsupported: .notSupported
            default: .unavailable
            }
        self.init(code, error.message, underlying: error.underlying)
    }

    init(_ error: CredentialError) {
        let code: Code =
            switch error.code {
            case .limitReached: .overloaded
            case .unsupported: .notSupported
            default: .unavailable
            }
        self.init(code, error.message, underlying: error.underlying)
    }

    init(_ error: TransportError) {
        self.init(error.code == .overloaded ? .overloaded : .unavailable, error.message, underlying: error.underlying)
    }
}
