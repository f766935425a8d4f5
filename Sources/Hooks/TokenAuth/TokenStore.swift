public import FreeIMCore

/// Where unused tokens are kept.
public protocol TokenStore: Sendable {
    /// - Throws: ``CredentialError`` where the limit of unused tokens is reached or the store cannot be reached.
    func add(_ token: Token, for identity: Identity, timeToLive: Duration) async throws
    /// Whom the token was made for, once: it is gone afterwards. nil where it is unknown, used or expired.
    func consume(_ token: Token) async throws -> Identity?
}
