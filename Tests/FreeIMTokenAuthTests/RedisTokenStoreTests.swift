import FreeIMCore
import FreeIMTestSupport
import RedisClient
import RedisTestSupport
import Testing

@testable import FreeIMTokenAuth

@Suite("Redis token store")
struct RedisTokenStoreTests {
    private let identity = Identity(client: 7, metadata: "phone")
    /// Without GETDEL, as before Redis 6.2.
    private static let servers = [[], ["--rename-command", "GETDEL", ""]]

    @Test("a token is good once", arguments: servers)
    func once(server: [String]) async throws {
        try await withTokenStore(server) { redis, _ in
            let (token, other) = (Token.random(), Token.random())
            try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
            #expect(try await redis.store.consume(other) == nil)
            #expect(try await redis.store.consume(token) == identity)
            #expect(try await redis.store.consume(token) == nil)
            #expect(try await redis.send("DBSIZE").integer == 0)
        }
    }

    @Test("of 50 attempts at once exactly one succeeds", arguments: servers)
    func concurrentAttempts(server: [String]) async throws {
        try await withTokenStore(server) { redis, _ in
            for _ in 0..<20 {
                let token = Token.random()
                try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
                let successes = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for _ in 0..<50 { group.addTask { try await redis.store.consume(token) != nil } }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(successes == 1)
            }
        }
    }

    @Test(
        "keys and values are those of FreeIM's ImHelper, byte for byte",
        arguments: [
            (Identity(client: 5, metadata: "1.2.3.4"), #"{"Item1":5,"Item2":"1.2.3.4"}"#),
            (Identity(client: 7, metadata: ""), #"{"Item1":7,"Item2":""}"#),
            (
                Identity(client: 9_007_199_254_740_993, metadata: "中文 \"q\" 😀 {\"ip\":\"::1\"}"),
                #"{"Item1":9007199254740993,"Item2":"中文 \"q\" 😀 {\"ip\":\"::1\"}"}"#
            ),
            (Identity(client: -3, metadata: "neg"), #"{"Item1":-3,"Item2":"neg"}"#),
            (Identity(client: 1), #"{"Item1":1,"Item2":null}"#),
        ])
    func bytes(identity: Identity, value: String) async throws {
        try await withTokenStore(keyPrefix: "pfx:") { redis, _ in
            let token = Token.random()
            try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
            #expect(try await redis.send("GET", "pfx:im_v2_wsToken\(token.text)").string == value)
            let command = try #require(await redis.lastSet())
            #expect(command.count == 5)
            #expect(Array(command[2...]) == [value, "EX", "10"])
            #expect(try await redis.store.consume(token) == identity)
        }
    }

    @Test("a token lives whole seconds, and no shorter than was said")
    func timeToLive() async throws {
        try await withTokenStore { redis, _ in
            for (duration, seconds) in [(Duration.milliseconds(1), 1), (.milliseconds(1_001), 2), (.seconds(30), 30)] {
                let token = Token.random()
                try await redis.store.add(token, for: identity, timeToLive: duration)
                #expect(try await redis.lastSet()?.last == "\(seconds)")
            }
        }
    }

    @Test("an expired token is unknown")
    func expired() async throws {
        try await withTokenStore { redis, _ in
            let token = Token.random()
            try await redis.store.add(token, for: identity, timeToLive: .seconds(1))
            try await eventually { try await redis.send("DBSIZE").integer == 0 }
            #expect(try await redis.store.consume(token) == nil)
        }
    }

    @Test("clients of both generations are found, each under its prefix", arguments: servers)
    func prefixes(server: [String]) async throws {
        try await withTokenStore(server) { redis, _ in
            let guid = Identity(client: try #require(RunningTokenStore.guid), metadata: "v1")
            for (identity, subject) in [(identity, "im_v2_ws"), (guid, "wsim_ws")] {
                let token = Token.random()
                try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
                #expect(try await redis.send("EXISTS", "\(subject)Token\(token.text)").integer == 1)
                #expect(try await redis.store.consume(token) == identity)
                #expect(try await redis.send("DBSIZE").integer == 0)
            }
        }
    }

    @Test(
        "a value with other settings of the serializer is read, and kept for the events",
        arguments: [
            "{\n  \"Item1\": 7,\n  \"Item2\": \"phone\"\n}", #"{"item1":7,"item2":"phone"}"#,
            #"{"$type":"System.ValueTuple`2[[System.Int64, mscorlib],[System.String, mscorlib]], mscorlib","#
                + #""Item1":7,"Item2":"phone"}"#,
        ])
    func otherSettings(value: String) async throws {
        try await withTokenStore { redis, _ in
            let token = Token.random()
            try await redis.put(token, value)
            let found = try #require(try await redis.store.consume(token))
            #expect(found.client == 7 && found.metadata == "phone")
            #expect(found.eventBody == value)
        }
    }

    @Test("the usual value has no event body of its own")
    func usualBody() async throws {
        try await withTokenStore { redis, _ in
            let token = Token.random()
            try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
            #expect(try await redis.store.consume(token)?.eventBody == nil)
        }
    }

    @Test("a value that is no client's lets nobody in, and is logged once a minute without its content")
    func undecodable() async throws {
        try await withTokenStore { redis, _ in
            for (number, value) in ["", "secret", "{\"Item2\":\"secret\"}", "[7]"].enumerated() {
                let token = Token.random()
                try await redis.put(token, value)
                #expect(try await redis.store.consume(token) == nil)
                #expect(redis.undecodable == Int64(number + 1))
                #expect(redis.warnings.count == 1)
            }
            redis.clock.advance(by: .seconds(60))
            let token = Token.random()
            try await redis.put(token, "secret")
            #expect(try await redis.store.consume(token) == nil)
            #expect(redis.warnings.count == 2)
            #expect(redis.warnings.allSatisfy { !$0.contains("secret") && !$0.contains(token.text) })
        }
    }

    @Test("while Redis is away nothing is handed out and nobody is let in; afterwards it goes on")
    func away() async throws {
        try await withTokenStore { redis, server in
            server.kill9()
            let error = await #expect(throws: CredentialError.self) {
                try await redis.store.add(.random(), for: identity, timeToLive: .seconds(10))
            }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("check that Redis runs") == true)
            await #expect(throws: CredentialError.self) { try await redis.store.consume(.random()) }
            let ready = Task { try await redis.store.ready() }
            try server.restart()
            try await ready.value
            let token = Token.random()
            try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
            #expect(try await redis.store.consume(token) == identity)
        }
    }

    @Test("waiting for Redis ends with the task")
    func cancellation() async throws {
        try await withTokenStore { redis, server in
            server.kill9()
            let ready = Task { try await redis.store.ready() }
            let consuming = Task { try await redis.store.consume(.random()) }
            ready.cancel()
            consuming.cancel()
            await #expect(throws: CancellationError.self) { try await ready.value }
            await #expect(throws: CancellationError.self) { try await consuming.value }
        }
    }

    @Test("an error of Redis does not repeat the token", arguments: ["SET", "EVAL", "EVALSHA"])
    func secrecy(command: String) async throws {
        let commands = ["GETDEL", command].flatMap { ["--rename-command", $0, ""] }
        try await withTokenStore(commands) { redis, _ in
            let token = Token.random()
            let error = await #expect(throws: CredentialError.self) {
                try await redis.store.add(token, for: identity, timeToLive: .seconds(10))
                _ = try await redis.store.consume(token)
            }
            for text in [error.map { "\($0)" } ?? "", error.map { String(reflecting: $0) } ?? ""] {
                #expect(text.contains("unknown command"))
                #expect(!text.contains(token.text.prefix(16)))
            }
        }
    }
}
