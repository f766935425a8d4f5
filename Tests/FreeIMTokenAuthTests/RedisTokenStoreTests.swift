import Foundation
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

    @Test("each of many at once gets its own, in few commands", arguments: servers)
    func burst(server: [String]) async throws {
        try await withTokenStore(server) { redis, _ in
            var tokens: [(token: Token, identity: Identity)] = []
            for number in 1...1_000 {
                let identity = Identity(client: ClientID(Int64(number)), metadata: "\(number)")
                tokens.append((.random(), identity))
                try await redis.store.add(tokens[number - 1].token, for: identity, timeToLive: .seconds(60))
            }
            let before = try await redis.scripts()
            let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
                for (token, identity) in tokens {
                    group.addTask { try await redis.store.consume(token) != identity }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(wrong == 0)
            let commands = try await redis.scripts() - before
            // A sanitizer makes the callers slow, not Redis, so fewer of them come together.
            let isSanitized = ProcessInfo.processInfo.environment["FREEIM_SANITIZER"] != nil
            #expect(commands <= (isSanitized ? 750 : 250))
            #expect(try await redis.send("DBSIZE").integer == 0)
        }
    }

    @Test("one that comes alone is one command")
    func alone() async throws {
        try await withTokenStore { redis, _ in
            // The first one sends the script.
            _ = try await redis.store.consume(.random())
            for number in 1...5 {
                let before = try await redis.scripts()
                _ = try await redis.store.consume(.random())
                #expect(try await redis.scripts() == before + 1, "\(number)")
            }
        }
    }

    @Test("one that is no longer waited for does no harm to the others")
    func cancelledAmongOthers() async throws {
        try await withTokenStore { redis, server in
            var tokens: [Token] = []
            for _ in 0..<100 {
                tokens.append(.random())
                try await redis.store.add(tokens[tokens.count - 1], for: identity, timeToLive: .seconds(60))
            }
            server.signal(SIGSTOP)
            let tasks = tokens.map { token in Task { try await redis.store.consume(token) } }
            for task in tasks[..<50] { task.cancel() }
            for task in tasks[..<50] { await #expect(throws: CancellationError.self) { try await task.value } }
            server.signal(SIGCONT)
            for task in tasks[50...] { #expect(try await task.value == identity) }
        }
    }

    @Test("an error of Redis reaches all that wait for it")
    func errorForAll() async throws {
        try await withTokenStore { redis, server in
            server.signal(SIGSTOP)
            let tasks = (0..<100).map { _ in Task { try await redis.store.consume(.random()) } }
            for task in tasks {
                let error = await #expect(throws: CredentialError.self) { try await task.value }
                #expect(error?.code == .unavailable)
            }
            server.signal(SIGCONT)
        }
    }

    @Test("an error of one token is its own", arguments: servers)
    func errorForOne(server: [String]) async throws {
        try await withTokenStore(server) { redis, _ in
            let (good, bad) = (Token.random(), Token.random())
            try await redis.store.add(good, for: identity, timeToLive: .seconds(60))
            _ = try await redis.send("LPUSH", "im_v2_wsToken\(bad.text)", "x")
            let tasks = [good, bad, .random()].map { token in Task { try await redis.store.consume(token) } }
            #expect(try await tasks[0].value == identity)
            let error = await #expect(throws: CredentialError.self) { try await tasks[1].value }
            #expect(error.map { "\($0)" }?.contains("WRONGTYPE") == true)
            #expect(try await tasks[2].value == nil)
            // One that is good under FreeIM v1's name is found behind it.
            let guid = Identity(client: try #require(RunningTokenStore.guid))
            try await redis.store.add(bad, for: guid, timeToLive: .seconds(60))
            #expect(try await redis.store.consume(bad) == guid)
        }
    }

    @Test("a user who may not run scripts takes tokens one by one")
    func withoutScripts() async throws {
        try await withTokenStore(["--user", "default", "on", "nopass", "~*", "&*", "+@all", "-@scripting"]) {
            redis, _ in
            var tokens: [(token: Token, identity: Identity)] = []
            for number in 1...100 {
                let id = number.isMultiple(of: 2) ? ClientID(Int64(number)) : try #require(RunningTokenStore.guid)
                tokens.append((.random(), Identity(client: id, metadata: "\(number)")))
                try await redis.store.add(
                    tokens[number - 1].token, for: tokens[number - 1].identity, timeToLive: .seconds(60))
            }
            let tasks = tokens.map { token, _ in Task { try await redis.store.consume(token) } }
            for (task, (_, identity)) in zip(tasks, tokens) { #expect(try await task.value == identity) }
            #expect(try await redis.store.consume(tokens[0].token) == nil)
            #expect(try await redis.send("DBSIZE").integer == 0)
        }
    }
}
