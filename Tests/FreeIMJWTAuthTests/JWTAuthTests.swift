import FreeIMCore
import JWTKit
import Testing

@testable import FreeIMJWTAuth

@Suite("JWT auth")
struct JWTAuthTests {
    private static let secret = "a secret of the business: 32 bytes"
    private static let now = 1_800_000_000.0

    private func auth(
        secrets: [String] = [secret], algorithm: SignatureAlgorithm? = nil, at now: Double = now,
        policy change: (inout JWTPolicy) -> Void = { _ in }
    ) async throws -> JWTAuth {
        var configuration = JWTAuthConfiguration()
        configuration.secrets = secrets
        configuration.algorithm = algorithm
        change(&configuration.policy)
        let auth = JWTAuth(configuration) { now }
        try await auth.ready()
        return auth
    }

    private func token(_ claims: [String: JWTClaims.Value], secret: String = secret) async throws -> String {
        try await JWTKeyCollection().add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            .sign(JWTClaims(claims))
    }

    private func claims(_ others: [String: JWTClaims.Value] = [:]) -> [String: JWTClaims.Value] {
        ["sub": .integer(7), "exp": .integer(Int64(Self.now) + 60)].merging(others) { $1 }
    }

    private func denial(_ auth: JWTAuth, _ token: String) async throws -> Denial? {
        guard case .deny(let denial) = try await auth.authenticate(request(token)) else { return nil }
        #expect(denial.status == .unauthorized)
        #expect(!denial.message.contains(token))
        return denial
    }

    @Test("a signed token lets its client in, again and again until it expires")
    func allowed() async throws {
        let auth = try await auth()
        let token = try await token(claims())
        for _ in 1...2 {
            #expect(try await auth.authenticate(request(token)) == .allow(Identity(client: ClientID(7))))
        }
    }

    @Test(
        "the client is a text or an integer, without loss",
        arguments: [
            (JWTClaims.Value.text("alice"), "alice"), (.integer(9_007_199_254_740_993), "9007199254740993"),
            (.text("01234567-89ab-cdef-0123-456789abcdef"), "01234567-89ab-cdef-0123-456789abcdef"),
        ])
    func clients(claim: JWTClaims.Value, client: String) async throws {
        let token = try await token(claims(["sub": claim]))
        let expected = try Identity(client: #require(ClientID(client)))
        #expect(try await auth().authenticate(request(token)) == .allow(expected))
    }

    @Test(
        "a claim that is no client lets nobody in",
        arguments: [JWTClaims.Value.text(""), .text("0"), .integer(0), .number(1.5), .texts(["7"]), .text("a\u{1}b")])
    func noClient(claim: JWTClaims.Value) async throws {
        let denial = try await denial(auth(), token(claims(["sub": claim])))
        #expect(denial?.message == "the token's 'sub' is no client, which is a text of 1 to 64 bytes, not 0")
    }

    @Test("claims of other names give the client, its device and its metadata")
    func claimNames() async throws {
        let auth = try await auth {
            $0.clientClaim = "uid"
            $0.deviceClaim = "form"
            $0.metadataClaim = "address"
        }
        let token = try await token(
            claims(["uid": .text("bob"), "form": .text("phone"), "address": .text("10.0.0.1")]))
        let expected = try Identity(client: #require(ClientID("bob")), metadata: "10.0.0.1", device: "phone")
        #expect(try await auth.authenticate(request(token)) == .allow(expected))
    }

    @Test("a device that is no class, and metadata of more than 4,096 bytes, let nobody in")
    func tooLong() async throws {
        let auth = try await auth { $0.metadataClaim = "m" }
        let long = String(repeating: "x", count: 4_097)
        #expect(try await denial(auth, token(claims(["device": .text(long)])))?.message.contains("'device'") == true)
        #expect(try await denial(auth, token(claims(["m": .text(long)])))?.message.contains("'m'") == true)
    }

    // MARK: Time

    @Test(
        "a token is good from 'nbf' until 'exp', give or take the leeway, and not for longer than allowed",
        arguments: [
            (-11, nil, "expired_token"), (-10, nil, "expired_token"), (-9, nil, nil), (60, 10, nil),
            (60, 11, "invalid_token"), (3_610, nil, nil), (3_611, nil, "invalid_token"),
        ] as [(Int64, Int64?, String?)])
    func times(end: Int64, start: Int64?, code: String?) async throws {
        let now = Int64(Self.now)
        var others: [String: JWTClaims.Value] = ["exp": .integer(now + end)]
        if let start { others["nbf"] = .integer(now + start) }
        let auth = try await auth { $0.maxLifetime = .seconds(3_600) }
        #expect(try await denial(auth, token(claims(others)))?.code == code)
    }

    @Test("a start that is no time has not come")
    func noStart() async throws {
        let token = try await token(claims(["nbf": .text("today")]))
        #expect(try await denial(auth(), token)?.message.contains("not good yet") == true)
    }

    @Test("times may be fractions", arguments: [(0.5, true), (-10.5, false)])
    func fractions(end: Double, isGood: Bool) async throws {
        let token = try await token(claims(["exp": .number(Self.now + end)]))
        #expect(try await (denial(auth(), token) == nil) == isGood)
    }

    @Test("a token without an end, or with one that is no time, lets nobody in", arguments: [nil, "tomorrow"])
    func endless(end: String?) async throws {
        var claims = claims()
        claims["exp"] = end.map { .text($0) }
        #expect(try await denial(auth(), token(claims))?.message.contains("no 'exp'") == true)
    }

    @Test("numbers beyond all bounds end nothing", arguments: ["1e300", "-1e300", "1e999", "123456789012345678901"])
    func hugeNumbers(number: String) async throws {
        let auth = try await auth()
        for (header, payload) in [
            (#"{"alg":"HS256","x":\#(number)}"#, #"{"sub":7,"exp":1800000060}"#),
            (#"{"alg":"HS256"}"#, #"{"sub":\#(number),"exp":\#(number),"nbf":\#(number)}"#),
        ] {
            let token = [header, payload, "no signature"].map(base64URL).joined(separator: ".")
            #expect(try await denial(auth, token) != nil)
        }
        let claims = JWTPolicy().decide(JWTClaims(["exp": .number(Double(number) ?? .infinity)]), now: Self.now)
        guard case .deny = claims else {
            Issue.record("\(claims)")
            return
        }
    }

    // MARK: Whose token

    @Test("another issuer's token is left to the next hook")
    func issuer() async throws {
        let auth = try await auth { $0.issuer = "https://id.example.com" }
        let ours = try await token(claims(["iss": .text("https://id.example.com")]))
        #expect(try await auth.authenticate(request(ours)) == .allow(Identity(client: ClientID(7))))
        for others in [[:], ["iss": .text("https://elsewhere.example.com")]] as [[String: JWTClaims.Value]] {
            let theirs = try await token(claims(others))
            #expect(try await auth.authenticate(request(theirs)) == .abstain)
        }
    }

    @Test("a token for another audience lets nobody in")
    func audience() async throws {
        let auth = try await auth { $0.audience = "im" }
        for (claim, isGood) in [
            (.text("im"), true), (.texts(["web", "im"]), true), (.text("web"), false), (.texts([]), false),
            (nil, false),
        ] as [(JWTClaims.Value?, Bool)] {
            var claims = claims()
            claims["aud"] = claim
            #expect(try await (denial(auth, token(claims)) == nil) == isGood, "\(claims)")
        }
    }

    @Test(
        "what has not the form of a signed token is another hook's matter",
        arguments: [
            nil, "", "..", "a.b.c", "v4.public.eyJzdWIiOjd9", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjd9",
            "e30.eyJzdWIiOjd9.", String(repeating: "0", count: 128),
        ])
    func abstains(token: String?) async throws {
        #expect(try await auth().authenticate(request(token)) == .abstain)
    }

    @Test("before its keys are read it decides nothing")
    func notReady() async throws {
        let token = try await token(claims())
        let auth = JWTAuth(JWTAuthConfiguration()) { Self.now }
        await #expect(throws: JWTAuthError.self) { try await auth.authenticate(request(token)) }
    }

    // MARK: Signatures

    @Test("each of several secrets is good, and none else")
    func secrets() async throws {
        let next = String(repeating: "next", count: 8)
        let auth = try await auth(secrets: [Self.secret, next])
        #expect(try await denial(auth, token(claims())) == nil)
        #expect(try await denial(auth, token(claims(), secret: next)) == nil)
        let guessed = try await token(claims(), secret: String(repeating: "guessed ", count: 4))
        #expect(try await denial(auth, guessed)?.code == "invalid_token")
    }

    @Test("a token of which a part was changed, cut off or left unsigned lets nobody in")
    func forged() async throws {
        let auth = try await auth()
        let parts = try await token(claims()).split(separator: ".").map(String.init)
        let other = base64URL(#"{"sub":8,"exp":1800000060}"#)
        for (header, payload, signature) in [
            (parts[0], other, parts[2]), (parts[0], parts[1], ""), (parts[0], parts[1], String(parts[2].dropLast(2))),
            (base64URL(#"{"alg":"none"}"#), parts[1], ""), (base64URL(#"{"alg":"HS512"}"#), parts[1], parts[2]),
            (base64URL(##"{"alg":"HS256","kid":"#0"}"##), parts[1], parts[2]),
        ] {
            #expect(try await denial(auth, "\(header).\(payload).\(signature)")?.code == "invalid_token")
        }
    }

    @Test("a token with an extension that must be understood lets nobody in")
    func critical() async throws {
        let token = try await JWTKeyCollection().add(hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256)
            .sign(JWTClaims(claims()), header: ["crit": ["b64"]])
        #expect(try await denial(auth(), token)?.message.contains("crit") == true)
    }
}
