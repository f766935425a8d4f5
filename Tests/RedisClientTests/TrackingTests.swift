import FreeIMTestSupport
import NIOCore
import RedisClient
import RedisTestSupport
import Synchronization
import Testing

@Suite("Tracking of keys")
struct TrackingTests {
    @Test("tells of keys under a prefix before messages published after the change")
    func prefixes() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let recorder = Recorder()
                client.track(.prefixes(["Chan"]), recorder)
                try await client.subscribe(recorder, to: ["c"])
                try await eventually { recorder.now.invalidations == [nil] }
                _ = try await client.pipeline([
                    RedisCommand("SET", "Other", 1), RedisCommand("SADD", "Chan1", "x"),
                    RedisCommand("PUBLISH", "c", "x"),
                ])
                try await eventually { !recorder.messages.isEmpty }
                #expect(recorder.now.invalidations == [nil, ["Chan1"]])
                _ = try await client.send(RedisCommand("FLUSHALL"))
                try await eventually { recorder.now.invalidations == [nil, ["Chan1"], nil] }
                #expect(recorder.now.open == 0)
            }
        }
    }

    @Test("tells of keys read, where others change them, also after either connection was made anew")
    func keysRead() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { other, _ async throws in
                try await withClient(server.configuration) { client, log async throws in
                    let recorder = Recorder()
                    client.track(.keysRead(ignoringOwn: true), recorder)
                    for kind in [nil, "normal", "pubsub"] {
                        let begun = recorder.now.invalidations.filter { $0 == nil }.count
                        if let kind {
                            _ = try await other.send(RedisCommand("CLIENT", "KILL", "TYPE", .string(kind)))
                        }
                        try await eventually { recorder.now.invalidations.filter { $0 == nil }.count > begun }
                        try await eventually { log.readies(.subscriptions).count > (kind == "pubsub" ? 1 : 0) }
                        let key = RedisArgument.string("key \(kind ?? "first")")
                        _ = try await client.send(RedisCommand("GET", key))
                        _ = try await client.send(RedisCommand("SET", "own", 1))
                        _ = try await other.send(RedisCommand("SET", key, 2))
                        try await eventually { recorder.now.invalidations.last == [key.text] }
                    }
                    #expect(!recorder.now.invalidations.contains(["own"]))
                }
            }
        }
    }

    @Test("that Redis refuses lets no command be sent, and each says why")
    func refused() async throws {
        let sent = Mutex(0)
        try await withFakeServer { _, command in
            switch command.first {
            case "SUBSCRIBE": return .text("*3\r\n$9\r\nsubscribe\r\n$20\r\n__redis__:invalidate\r\n:1\r\n")
            case "CLIENT" where command.dropFirst().first == "TRACKING": return .text("-NOPERM no tracking\r\n")
            case "GET":
                sent.withLock { $0 += 1 }
                return .text("+x\r\n")
            default: return FakeServer.greeting(command, other: .silence)
            }
        } body: { server in
            var configuration = server.configuration
            configuration.commandTimeout = .milliseconds(400)
            try await withClient(configuration) { client, log async throws in
                client.track(.keysRead(ignoringOwn: false), Recorder())
                try await eventually { log.reasons().contains { $0.code == .noPerm } }
                let error = await redisError { try await client.send(RedisCommand("GET", "a")) }
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("no tracking") == true)
                #expect(sent.withLock { $0 } == 0)
            }
        }
    }
}

extension RedisArgument {
    fileprivate var text: String {
        guard case .string(let text) = self else { return "" }
        return text
    }
}
