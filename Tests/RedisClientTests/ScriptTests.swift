import FreeIMTestSupport
import NIOCore
import RedisClient
import RedisTestSupport
import Testing

@Suite("Scripts")
struct ScriptTests {
    @Test(
        "are named by their SHA-1",
        arguments: [
            ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
            ),
            (String(repeating: "a", count: 1_000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
        ])
    func digest(_ source: String, _ sha1: String) {
        #expect(RedisScript(source).sha1 == sha1)
    }

    @Test("have the digests that Redis gives them, whatever their length")
    func sameAsRedis() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                for length in 0..<130 {
                    let script = RedisScript("return 1 --" + String(repeating: "x", count: length))
                    #expect(
                        try await client.send(RedisCommand("SCRIPT", "LOAD", .string(script.source))).string
                            == script.sha1)
                }
            }
        }
    }

    @Test("run with keys and arguments, and are sent again when Redis has forgotten them")
    func forgotten() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let script = RedisScript("return {KEYS[1], ARGV[1], ARGV[2]}")
                for _ in 0..<3 {
                    let values = try await client.eval(script, keys: ["key"], arguments: ["a", 2])
                    #expect(values.array?.map(\.string) == ["key", "a", "2"])
                    _ = try await client.send(RedisCommand("SCRIPT", "FLUSH"))
                }
                let error = await redisError { try await client.send(RedisCommand("EVALSHA", .string(script.sha1), 0)) }
                #expect(error?.code == .noScript)
            }
        }
    }

    @Test("that have to be sent again keep the deadline of the call")
    func deadline() async throws {
        try await withFakeServer { _, command in
            switch command.first {
            case "EVALSHA": .late("-NOSCRIPT No matching script.\r\n", .milliseconds(1_000))
            case "EVAL": .silence
            default: FakeServer.greeting(command, other: .silence)
            }
        } body: { server in
            var configuration = server.configuration
            configuration.commandTimeout = .milliseconds(1_500)
            try await withClient(configuration) { client, _ async throws in
                let clock = ContinuousClock()
                let start = clock.now
                #expect(await redisError { try await client.eval(RedisScript("return 1")) }?.code == .timeout)
                #expect(clock.now - start < .milliseconds(2_400))
            }
        }
    }

    @Test("are known to Redis before the first command of a new connection")
    func preloaded() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, log async throws in
                let script = RedisScript("return 'known'")
                _ = try await client.eval(script)
                _ = try await client.send(RedisCommand("SCRIPT", "FLUSH"))
                _ = await redisError {
                    try await client.send(RedisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"))
                }
                try await eventually { log.readies(.commands).count == 2 }
                #expect(try await client.send(RedisCommand("EVALSHA", .string(script.sha1), 0)).string == "known")
            }
        }
    }
}
