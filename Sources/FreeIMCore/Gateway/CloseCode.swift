/// Why a WebSocket was closed (RFC 6455 §7.4), and whether the terminal should connect again.
///
/// Codes of RFC 6455 and its registry have the registry's meaning. Of the private range (RFC 6455 §7.4.2) this project
/// uses 4000 to 4499 for "connect again, after a pause that grows" and 4500 to 4999 for "do not connect again by
/// yourself".
public struct CloseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    /// The purpose is fulfilled.
    public static let normal = CloseCode(rawValue: 1000)
    /// The node stops; connect again, to this or another node.
    public static let goingAway = CloseCode(rawValue: 1001)
    /// The terminal broke RFC 6455.
    public static let protocolError = CloseCode(rawValue: 1002)
    /// A text message or a close reason was not UTF-8.
    public static let invalidData = CloseCode(rawValue: 1007)
    /// The terminal may not do what it did.
    public static let policyViolation = CloseCode(rawValue: 1008)
    /// A frame or message was longer than the gateway's limit.
    public static let messageTooBig = CloseCode(rawValue: 1009)
    /// The node failed; connect again.
    public static let internalError = CloseCode(rawValue: 1011)
    /// The node is overloaded; connect again.
    public static let tryAgainLater = CloseCode(rawValue: 1013)
    /// The terminal read too slowly: more than the gateway's `max_pending` bytes waited for it.
    public static let slowReceiver = CloseCode(rawValue: 4000)
    /// The terminal did not answer a ping in time.
    public static let heartbeatTimeout = CloseCode(rawValue: 4001)
    /// The terminal sent more than the gateway's `messages_per_second` or `bytes_per_second`.
    public static let rateLimited = CloseCode(rawValue: 4002)
    /// The business closed the client's connections.
    public static let forcedOffline = CloseCode(rawValue: 4500)
    /// A newer connection of the client took the place of this one; see ``DevicePolicy``.
    public static let replaced = CloseCode(rawValue: 4501)

    /// Whether a terminal that gets this code should connect again by itself. A connection that ends without a close
    /// frame (1006 in browsers) is one to reopen.
    public var shouldReconnect: Bool {
        switch rawValue {
        case 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4000..<4500: true
        default: false
        }
    }

    /// Whether a close frame may carry the code (RFC 6455 §7.4): 1004 to 1006 and 1015 are never on the wire, 1016 to
    /// 2999 are not assigned.
    var isValidOnWire: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    public var description: String { String(rawValue) }
}
