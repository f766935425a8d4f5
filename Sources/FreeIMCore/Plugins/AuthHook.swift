/// Decides who may connect, before the WebSocket is opened.
///
/// Hooks are asked in the order of the manifest. The first that allows or denies has decided; where all abstain the
/// connection is refused with 401. A hook that throws, or that takes longer than the gateway's `auth_timeout`, leads
/// to 503 and to no connection.
public protocol AuthHook: Sendable {
    /// Runs on Swift's cooperative pool, many at once; the task is cancelled when the terminal goes or the deadline
    /// passes.
    func authenticate(_ request: ConnectRequest) async throws -> AuthDecision

    /// What this hook asks of the business side to let a client in; nil where it hands out nothing.
    var issuer: (any CredentialIssuer)? { get }

    /// Non-nil where the hook lets in whoever comes, so that a gateway beyond loopback must not use it: the reason and
    /// the remedy.
    var loopbackOnly: String? { get }

    /// Returns when the hook can decide; throws on cancellation.
    func ready() async throws
}

extension AuthHook {
    public var issuer: (any CredentialIssuer)? { nil }
    public var loopbackOnly: String? { nil }
    public func ready() async throws {}
}

/// What an ``AuthHook`` makes of a request.
public enum AuthDecision: Sendable, Equatable {
    case allow(Identity)
    case deny(Denial)
    /// Not a matter for this hook: ask the next.
    case abstain
}

/// Who is connecting.
public struct Identity: Sendable, Equatable {
    public var client: ClientID
    /// Text of the business for its online and offline events, an address for instance. At most 4,096 bytes.
    public var metadata: String?
    /// The body of the client's events, byte for byte, where it differs from ``PresenceEventBody/encode(_:)``: FreeIM
    /// publishes a token's value as it is. Only ever what ``PresenceEventBody/decode(_:)`` reads.
    public var eventBody: String?
    /// The class of the device, `phone` for instance, for ``DevicePolicy/classes``; nil: none. At most 64 bytes.
    public var device: String?

    public init(client: ClientID, metadata: String? = nil, eventBody: String? = nil, device: String? = nil) {
        self.client = client
        self.metadata = metadata
        self.eventBody = eventBody
        self.device = device
    }
}

/// Why a connection is refused; becomes the HTTP answer.
public struct Denial: Sendable, Equatable {
    public enum Status: Int, Sendable {
        case unauthorized = 401
        case forbidden = 403
        case tooManyRequests = 429
        case unavailable = 503
    }

    public var status: Status
    /// A word for programs, `invalid_token` for instance.
    public var code: String
    /// A sentence for people: what is wrong and what to do. Never holds the token.
    public var message: String

    public init(_ status: Status, code: String, message: String) {
        self.status = status
        self.code = code
        self.message = message
    }
}

/// Makes the credential with which a client may connect.
public protocol CredentialIssuer: Sendable {
    /// - Throws: ``CredentialError`` where none can be made.
    func issue(for identity: Identity) async throws -> Credential
}

/// What goes into a connect URL.
public struct Credential: Sendable, Equatable {
    /// The name of the query parameter, `token` for instance.
    public var parameter: String
    /// Its value, not yet percent-encoded.
    public var value: String
    /// How long it can be used; nil where it does not expire.
    public var expiresIn: Duration?
    /// True where the value is a secret, to be shown only to the client.
    public var isSecret: Bool

    public init(parameter: String, value: String, expiresIn: Duration?, isSecret: Bool) {
        self.parameter = parameter
        self.value = value
        self.expiresIn = expiresIn
        self.isSecret = isSecret
    }
}

/// Why no credential was made.
public struct CredentialError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The limit of unused credentials is reached.
        public static let limitReached = Code(description: "limit_reached")
        /// No auth module of this node hands out credentials.
        public static let unsupported = Code(description: "unsupported")
        /// The store could not be reached.
        public static let unavailable = Code(description: "unavailable")
    }

    public var code: Code
    public var message: String
    public var underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public var description: String { "\(message) [\(code)]" }
}
