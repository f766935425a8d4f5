public import FreeIMCore

/// `auth.anonymous`: lets anyone in, under the id in the query or a fresh one.
public struct AnonymousAuth: AuthHook, CredentialIssuer {
    private let configuration: AnonymousAuthConfiguration

    public init(_ configuration: AnonymousAuthConfiguration = AnonymousAuthConfiguration()) {
        self.configuration = configuration
    }

    public var issuer: (any CredentialIssuer)? { self }

    public var loopbackOnly: String? {
        configuration.allowRemote
            ? nil
            : "auth.anonymous lets anyone be anyone; set its 'allow_remote: true' if that is meant, or use auth.token"
    }

    public func authenticate(_ request: ConnectRequest) async throws -> AuthDecision {
        guard let text = request.parameter(configuration.parameter) else {
            return .allow(Identity(client: Self.freshClient()))
        }
        guard let client = ClientID(text) else {
            return .deny(
                Denial(
                    .forbidden, code: "invalid_client",
                    message: """
                        '\(configuration.parameter)' must be 1 to \(ClientID.maximumBytes) bytes of UTF-8 without \
                        control characters
                        """))
        }
        return .allow(Identity(client: client))
    }

    public func issue(for identity: Identity) async throws -> Credential {
        Credential(
            parameter: configuration.parameter, value: identity.client.description, expiresIn: nil, isSecret: false)
    }

    /// 80 random bits, so that two fresh ids do not meet.
    private static func freshClient() -> ClientID {
        let digits = (0..<20).map { _ in String(UInt8.random(in: 0..<16), radix: 16) }.joined()
        return ClientID("guest-\(digits)") ?? ClientID(Int64.random(in: 1...Int64.max))
    }
}
