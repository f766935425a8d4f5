public import FreeIMCore
public import ServiceLifecycle

/// `auth.token`: a token opens one connection, once, within its time to live.
public struct TokenAuth: AuthHook, CredentialIssuer, RunsServices {
    private let store: any TokenStore
    private let timeToLive: Duration

    /// - Parameter timeToLive: how long a token can be used after it was made.
    public init(store: any TokenStore = MemoryTokenStore(), timeToLive: Duration = .seconds(10)) {
        self.store = store
        self.timeToLive = timeToLive
    }

    public var issuer: (any CredentialIssuer)? { self }
    public var services: [any Service] { (store as? any RunsServices)?.services ?? [] }

    public func ready() async throws {
        try await store.ready()
    }

    /// Abstains where there is no token, or one of another form, which may be another hook's.
    public func authenticate(_ request: ConnectRequest) async throws -> AuthDecision {
        guard let text = request.token, let token = Token(text) else { return .abstain }
        guard let identity = try await store.consume(token) else {
            return .deny(
                Denial(
                    .unauthorized, code: "invalid_token",
                    message: "the token is unknown, used or expired; ask the business service for a new connect URL"))
        }
        return .allow(identity)
    }

    public func issue(for identity: Identity) async throws -> Credential {
        let token = Token.random()
        try await store.add(token, for: identity, timeToLive: timeToLive)
        return Credential(parameter: "token", value: token.text, expiresIn: timeToLive, isSecret: true)
    }
}
