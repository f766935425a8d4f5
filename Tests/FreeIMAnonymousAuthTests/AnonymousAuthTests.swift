import FreeIMAnonymousAuth
import FreeIMCore
import Testing

@Suite("Anonymous auth")
struct AnonymousAuthTests {
    private func request(_ query: [(name: String, value: String)]) -> ConnectRequest {
        ConnectRequest(path: "/ws", query: query, headers: [], peer: nil)
    }

    @Test("the client is who it says", arguments: ["7", "alice", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "\u{7FA4}"])
    func named(text: String) async throws {
        let client = try #require(ClientID(text))
        let decision = try await AnonymousAuth().authenticate(request([("x", "1"), ("client", text)]))
        #expect(decision == .allow(Identity(client: client)))
    }

    @Test("without an id each gets a fresh one")
    func fresh() async throws {
        var seen: Set<ClientID> = []
        for _ in 0..<100 {
            guard case .allow(let identity) = try await AnonymousAuth().authenticate(request([])) else {
                Issue.record("not let in")
                return
            }
            #expect(identity.client.description.hasPrefix("guest-"))
            #expect(seen.insert(identity.client).inserted)
        }
    }

    @Test("what is no id is denied, not replaced", arguments: ["", String(repeating: "x", count: 65), "a\nb"])
    func invalid(text: String) async throws {
        guard case .deny(let denial) = try await AnonymousAuth().authenticate(request([("client", text)])) else {
            Issue.record("not denied")
            return
        }
        #expect(denial.status == .forbidden)
        #expect(denial.code == "invalid_client")
    }

    @Test("the parameter's name can be chosen, and is in the URL that is handed out")
    func parameter() async throws {
        var configuration = AnonymousAuthConfiguration()
        configuration.parameter = "who"
        let auth = AnonymousAuth(configuration)
        let credential = try await auth.issue(for: Identity(client: 7))
        #expect(credential == Credential(parameter: "who", value: "7", expiresIn: nil, isSecret: false))
        #expect(try await auth.authenticate(request([("who", "7")])) == .allow(Identity(client: 7)))
    }

    @Test("it stays on loopback unless told otherwise")
    func loopback() {
        #expect(AnonymousAuth().loopbackOnly?.contains("allow_remote: true") == true)
        var configuration = AnonymousAuthConfiguration()
        configuration.allowRemote = true
        #expect(AnonymousAuth(configuration).loopbackOnly == nil)
    }
}
