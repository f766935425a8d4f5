import FoundationEssentials
public import FreeIMCore
import Metrics
import Synchronization

/// `auth.jwt`: a token that the business signed says who connects, as often as it is shown until it expires (RFC 7519).
public final class JWTAuth: AuthHook, Reloads {
    private let configuration: JWTAuthConfiguration
    private let now: @Sendable () -> Double
    /// nil before ``ready()``.
    private let keys = Mutex<VerificationKeys?>(nil)
    private let count = Gauge(label: "freeim_jwt_keys")
    private let failures = Counter(label: "freeim_jwt_reload_failures_total")

    /// - Parameter now: the wall clock, in seconds since 1970.
    init(_ configuration: JWTAuthConfiguration, now: @escaping @Sendable () -> Double) {
        self.configuration = configuration
        self.now = now
    }

    /// What is wrong with the configuration shows in ``ready()``.
    public convenience init(_ configuration: JWTAuthConfiguration) {
        self.init(configuration) { Date.now.timeIntervalSince1970 }
    }

    /// Reads the keys; throws a ``ModuleError`` where none can be used.
    public func ready() async throws {
        try await load()
    }

    /// Reads the key file again; connections that are open stay so.
    public func reload() async throws(ModuleError) {
        do throws(ModuleError) {
            try await load()
        } catch {
            failures.increment()
            throw error
        }
    }

    private func load() async throws(ModuleError) {
        let read: [VerificationKey]
        do throws(JWTKeyProblem) {
            read = try configuration.verificationKeys()
        } catch {
            throw ModuleError(.invalidValue, error.message)
        }
        let keys = await VerificationKeys(read)
        self.keys.withLock { $0 = keys }
        count.record(read.count)
    }

    /// Abstains where there is no token, one of another form, or another issuer's: it may be another hook's.
    public func authenticate(_ request: ConnectRequest) async throws -> AuthDecision {
        guard let text = request.token, let token = UnverifiedToken(text),
            configuration.policy.isIssuer(of: token.claims)
        else { return .abstain }
        guard token.header.critical == nil else {
            return .deny("the token needs an extension ('crit'), and none is known; leave it out")
        }
        guard let keys = keys.withLock({ $0 }) else { throw JWTAuthError.notReady }
        let claims: JWTClaims
        do {
            claims = try await keys.verify(text, identifier: token.header.identifier)
        } catch {
            // What the error says is of no use to whoever guesses.
            return .deny(
                "the token is not signed with a key that this node knows; ask the business service for a new one")
        }
        return configuration.policy.decide(claims, now: now())
    }
}

enum JWTAuthError: Error {
    /// ``JWTAuth/ready()`` has not returned.
    case notReady
}
