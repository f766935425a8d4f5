import FreeIMCore
import FreeIMTestSupport
import FreeIMTokenAuth
import Testing

@Suite("Token auth")
struct TokenAuthTests {
    private let identity = Identity(client: 7, metadata: "phone")

    private func request(token: String?, bearer: String? = nil) -> ConnectRequest {
        ConnectRequest(
            path: "/ws", query: token.map { [("token", $0)] } ?? [],
            headers: bearer.map { [("authorization", $0)] } ?? [], peer: nil)
    }

    @Test("the credential that was issued lets the client in, once")
    func issued() async throws {
        let auth = TokenAuth()
        let credential = try await auth.issue(for: identity)
        #expect(try await auth.authenticate(request(token: credential.value)) == .allow(identity))
        guard case .deny(let denial) = try await auth.authenticate(request(token: credential.value)) else {
            Issue.record("let in twice")
            return
        }
        #expect(denial.status == .unauthorized)
        #expect(denial.code == "invalid_token")
        #expect(!denial.message.contains(credential.value))
    }

    @Test("a credential is a secret, named token, and lives as long as was said")
    func credential() async throws {
        let credential = try await TokenAuth(timeToLive: .seconds(33)).issue(for: identity)
        #expect(credential.parameter == "token")
        #expect(credential.isSecret)
        #expect(credential.expiresIn == .seconds(33))
    }

    @Test("ten seconds is the time to live where nothing else is said")
    func defaultTimeToLive() async throws {
        #expect(try await TokenAuth().issue(for: identity).expiresIn == .seconds(10))
        #expect(TokenAuthConfiguration().timeToLive == .seconds(10))
    }

    @Test("the token may come as a bearer token", arguments: ["Bearer", "bearer", "BEARER"])
    func bearer(scheme: String) async throws {
        let auth = TokenAuth()
        let token = try await auth.issue(for: identity).value
        #expect(try await auth.authenticate(request(token: nil, bearer: "\(scheme) \(token)")) == .allow(identity))
    }

    @Test("a token of another form, or none, is another hook's matter", arguments: [nil, "", "eyJ.abc.def"])
    func abstains(token: String?) async throws {
        #expect(try await TokenAuth().authenticate(request(token: token)) == .abstain)
    }

    @Test("an expired token is denied")
    func expired() async throws {
        let clock = ManualClock()
        let auth = TokenAuth(store: MemoryTokenStore(now: { clock.now }))
        let token = try await auth.issue(for: identity).value
        clock.advance(by: .seconds(10))
        guard case .deny(let denial) = try await auth.authenticate(request(token: token)) else {
            Issue.record("not denied")
            return
        }
        #expect(denial.code == "invalid_token")
    }

    @Test("a full store refuses to issue")
    func full() async throws {
        let auth = TokenAuth(store: MemoryTokenStore(limit: 0))
        let error = await #expect(throws: CredentialError.self) { try await auth.issue(for: identity) }
        #expect(error?.code == .limitReached)
    }

    @Test("it may be used beyond loopback")
    func remote() {
        #expect(TokenAuth().loopbackOnly == nil)
    }
}
