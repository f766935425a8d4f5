public import NIOCore

/// What business code holds: hands out connect URLs, sends, asks who is online, and hears what happens.
///
/// A value without state of its own, cheap to copy and usable from any task. All methods throw ``MessengerError``.
public struct Messenger: Sendable {
    public let identity: NodeIdentity
    package let transport: any Transport
    package let presence: any PresenceHook
    package let issuer: (any CredentialIssuer)?
    package let capabilities: Capabilities
    /// The bytes of UTF-8 that a message may have; the node's `max_message`.
    public let maximumMessageBytes: Int
    package let eventLoopGroup: any EventLoopGroup
    package var onSend: (@Sendable (SentMessage) -> Void)?

    /// What the nodes of the cluster were assembled with.
    public struct Capabilities: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// `feature.direct`
        public static let direct = Capabilities(rawValue: 1)
        /// `feature.channels`
        public static let channels = Capabilities(rawValue: 2)
        /// `feature.event_bus`
        public static let events = Capabilities(rawValue: 4)
        public static let all: Capabilities = [.direct, .channels, .events]
    }

    /// A messenger of its own; that of a node is ``Node/messenger``.
    ///
    /// - Parameters:
    ///   - identity: names and order of the servers, as every node has them.
    ///   - issuer: makes connect credentials; without one ``connectURL(for:metadata:device:)`` throws.
    ///   - maximumMessageBytes: as the nodes' `max_message`; they drop what is longer.
    ///   - eventLoopGroup: carries event subscriptions.
    public init(
        identity: NodeIdentity, transport: any Transport, presence: any PresenceHook,
        issuer: (any CredentialIssuer)?, capabilities: Capabilities = .all,
        maximumMessageBytes: Int = MessagePayload.defaultMaximumBytes, eventLoopGroup: any EventLoopGroup
    ) {
        self.identity = identity
        self.transport = transport
        self.presence = presence
        self.issuer = issuer
        self.capabilities = capabilities
        self.maximumMessageBytes = maximumMessageBytes
        self.eventLoopGroup = eventLoopGroup
    }

    /// A messenger that tells `observer` of every message it has published, per server. The observer must not block.
    public func observed(by observer: @escaping @Sendable (SentMessage) -> Void) -> Messenger {
        var messenger = self
        messenger.onSend = observer
        return messenger
    }

    /// Makes a one-time URL with which `client` can connect, to its home node.
    ///
    /// - Parameters:
    ///   - metadata: comes back in the client's online and offline events; at most 4,096 bytes.
    ///   - device: the class of the device, for ``DevicePolicy/classes``; at most 64 bytes. It is in the events' bodies as
    ///     well.
    public func connectURL(
        for client: ClientID, metadata: String? = nil, device: String? = nil
    ) async throws(MessengerError) -> ConnectURL {
        try check(client)
        if let metadata, metadata.utf8.count > Identity.maximumMetadataBytes {
            throw MessengerError(
                .invalidArgument, "metadata has \(metadata.utf8.count) bytes; at most \(Identity.maximumMetadataBytes)")
        }
        if let device, !Identity.isDevice(device) {
            throw MessengerError(.invalidArgument, "device must have \(Identity.deviceExpectation)")
        }
        guard let issuer, let server = identity.partition.server(for: client) else {
            throw MessengerError(
                .notSupported, "no auth module of this node hands out connect URLs; add 'use: auth.token'")
        }
        let credential: Credential
        do {
            credential = try await issuer.issue(for: Identity(client: client, metadata: metadata, device: device))
        } catch let error as CredentialError {
            throw MessengerError(error)
        } catch {
            throw MessengerError(.unavailable, "no connect credential could be made", underlying: error)
        }
        return ConnectURL(base: identity.url(of: server), credential: credential)
    }

    func require(_ capability: Capabilities, module: String) throws(MessengerError) {
        guard capabilities.contains(capability) else {
            throw MessengerError(.notSupported, "the node runs without \(module); add 'use: \(module)' to its manifest")
        }
    }

    func check(_ payload: MessagePayload) throws(MessengerError) {
        let bytes = payload.bytes.readableBytes
        if bytes > maximumMessageBytes {
            throw MessengerError(
                .messageTooLarge,
                "the message has \(bytes) bytes; at most \(maximumMessageBytes), the 'max_message' of the node")
        }
    }

    func check(_ client: ClientID) throws(MessengerError) {
        if client.isSystem {
            throw MessengerError(.invalidArgument, "'\(client)' means the system on the wire and cannot be a client")
        }
    }
}

extension Identity {
    /// The longest metadata, in bytes of UTF-8.
    public static let maximumMetadataBytes = 4_096
}

/// A URL with which one client can connect.
public struct ConnectURL: Sendable, Equatable {
    /// The whole URL, to be handed to the terminal and to nobody else.
    public let url: String
    /// The token in the URL; nil where the node lets clients in without one.
    public let token: String?
    /// How long the URL can be used; nil where it does not expire.
    public let expiresIn: Duration?

    init(base: String, credential: Credential) {
        let separator = base.contains("?") ? "&" : "?"
        self.url = "\(base)\(separator)\(credential.parameter)=\(PercentEncoding.query(credential.value))"
        self.token = credential.isSecret ? credential.value : nil
        self.expiresIn = credential.expiresIn
    }
}

/// A message that was published to one server, for observers.
public struct SentMessage: Sendable {
    /// nil: the system.
    public let sender: ClientID?
    public let audience: OutboundMessage.Audience
    /// The node it was published to.
    public let server: String
    public let payload: MessagePayload
    public let wantsReceipt: Bool
}
