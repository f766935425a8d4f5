import FreeIMCore
import FreeIMTestSupport
import FreeIMTokenAuth
import Testing

@Suite("Memory token store")
struct MemoryTokenStoreTests {
    private let clock = ManualClock()
    private let identity = Identity(client: 7, metadata: "phone")

    private func store(limit: Int = 1_000) -> MemoryTokenStore {
        MemoryTokenStore(limit: limit, now: { [clock] in clock.now })
    }

    @Test("a token is good once")
    func once() async throws {
        let store = store()
        let token = Token.random()
        try await store.add(token, for: identity, timeToLive: .seconds(10))
        #expect(try await store.consume(token) == identity)
        #expect(try await store.consume(token) == nil)
    }

    @Test("of 100 attempts at once exactly one succeeds")
    func concurrentAttempts() async throws {
        let store = store()
        for _ in 0..<20 {
            let token = Token.random()
            try await store.add(token, for: identity, timeToLive: .seconds(10))
            let successes = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 { group.addTask { try await store.consume(token) != nil } }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(successes == 1)
        }
    }

    @Test("an unknown token is nobody's")
    func unknown() async throws {
        #expect(try await store().consume(.random()) == nil)
    }

    @Test(
        "a token is good until its time to live is over, and not in that moment",
        arguments: [(Duration.milliseconds(9_999), true), (.seconds(10), false), (.seconds(11), false)])
    func expiry(after wait: Duration, isGood: Bool) async throws {
        let store = store()
        let token = Token.random()
        try await store.add(token, for: identity, timeToLive: .seconds(10))
        clock.advance(by: wait)
        #expect(try await (store.consume(token) != nil) == isGood)
    }

    @Test("a clock that jumps forward ends tokens, one that jumps back makes them last; new ones are good at once")
    func clockJumps() async throws {
        let store = store()
        let tokens = (0..<3).map { _ in Token.random() }
        try await store.add(tokens[0], for: identity, timeToLive: .seconds(10))
        clock.advance(by: .seconds(3_600))
        #expect(try await store.consume(tokens[0]) == nil)
        try await store.add(tokens[1], for: identity, timeToLive: .seconds(10))
        clock.advance(by: .seconds(-3_600))
        try await store.add(tokens[2], for: identity, timeToLive: .seconds(10))
        clock.advance(by: .seconds(9))
        #expect(try await store.consume(tokens[2]) == identity)
        clock.advance(by: .seconds(3_590))
        #expect(try await store.consume(tokens[1]) == identity)
    }

    @Test("a token expires also behind one that lives longer")
    func expiryBehindAnother() async throws {
        let store = store()
        let token = Token.random()
        try await store.add(.random(), for: identity, timeToLive: .seconds(100))
        try await store.add(token, for: identity, timeToLive: .seconds(1))
        clock.advance(by: .seconds(2))
        #expect(try await store.consume(token) == nil)
    }

    @Test("beyond the limit of unused tokens none is taken")
    func limit() async throws {
        let store = store(limit: 3)
        for _ in 0..<3 { try await store.add(.random(), for: identity, timeToLive: .seconds(10)) }
        let error = await #expect(throws: CredentialError.self) {
            try await store.add(.random(), for: identity, timeToLive: .seconds(10))
        }
        #expect(error?.code == .limitReached)
        #expect(error?.message.contains("max_unused") == true)
    }

    @Test("used tokens make room")
    func usedMakeRoom() async throws {
        let store = store(limit: 2)
        for _ in 0..<10 {
            let token = Token.random()
            try await store.add(token, for: identity, timeToLive: .seconds(10))
            #expect(try await store.consume(token) != nil)
        }
    }

    @Test("expired tokens make room")
    func expiredMakeRoom() async throws {
        let store = store(limit: 100)
        for _ in 0..<5 {
            for _ in 0..<100 { try await store.add(.random(), for: identity, timeToLive: .seconds(10)) }
            clock.advance(by: .seconds(10))
        }
        try await store.add(.random(), for: identity, timeToLive: .seconds(10))
    }

    @Test("tokens that are still good survive when many used ones are forgotten")
    func goodOnesSurvive() async throws {
        let store = store(limit: 10_000)
        var good: [Token] = []
        for number in 0..<6_000 {
            let token = Token.random()
            try await store.add(token, for: identity, timeToLive: .seconds(10))
            if number % 100 == 0 { good.append(token) } else { _ = try await store.consume(token) }
        }
        for token in good { #expect(try await store.consume(token) == identity) }
    }
}
