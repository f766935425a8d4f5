/// Asks the auth hooks in order.
struct Authenticator: Sendable {
    let hooks: [any AuthHook]

    /// Never throws: what goes wrong in a hook is a refusal with 503.
    func decide(_ request: ConnectRequest) async -> Result<Identity, Refusal> {
        do {
            return try await ask(request)
        } catch {
            return .failure(
                Refusal(503, "auth_unavailable", "authentication is not available; try again later", cause: error))
        }
    }

    private func ask(_ request: ConnectRequest) async throws -> Result<Identity, Refusal> {
        for hook in hooks {
            switch try await hook.authenticate(request) {
            case .allow(let identity): return .success(identity)
            case .deny(let denial): return .failure(Refusal(denial))
            case .abstain: continue
            }
        }
        let found =
            request.token == nil ? "no credential" : "no auth module knows this kind of credential, or its issuer"
        return .failure(
            Refusal(401, "unauthorized", "\(found); connect with a URL that the business service handed out"))
    }
}

/// A handshake that does not become a connection; the HTTP answer.
struct Refusal: Error {
    let status: Int
    /// A word for programs.
    let code: String
    /// A sentence for people.
    let message: String
    /// Further header fields.
    var headers: [(String, String)] = []
    /// What a hook threw; for the log, never for the answer.
    var cause: (any Error)?

    init(
        _ status: Int, _ code: String, _ message: String, headers: [(String, String)] = [], cause: (any Error)? = nil
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
        self.cause = cause
    }

    init(_ denial: Denial) {
        self.init(
            denial.status.rawValue, denial.code, denial.message,
            headers: denial.status == .unavailable || denial.status == .tooManyRequests ? [("Retry-After", "1")] : [])
    }
}
