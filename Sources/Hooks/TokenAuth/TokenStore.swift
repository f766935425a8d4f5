public import FreeIMCore

/// Where unused tokens are kept.
public protocol TokenStore: Sendable {
    /// - Throws: ``CredentialError`` where the limit of unused tokens is reached or the store cannot be reached.
    func add(_ token: Token, for identity: Identity, timeToLive: Duration) async throws
    /// Whom the token was made for, once: it is gone afterwards. nil where it is unknown, used or expired.
    ///
    /// - Throws: where the store cannot be reached; whether the token is still there is unknown then.
    func consume(_ token: Token) async throws -> Identity?
    /// Returns when the store can be reached; throws on cancellation.
    func ready() async throws
}

extension TokenStore {
    public func ready() async throws {}
}
