import FreeIMTestSupport
import NIOCore
import RedisClient
import RedisTestSupport
import Testing

@Suite("Subscriptions")
struct SubscriptionTests {
    @Test("deliver every message of a channel, in order, in bursts that end")
    func bursts() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, log async throws in
                let recorder = Recorder()
                try await client.subscribe(recorder, to: ["a", "b"])
                let commands = (0..<5_000).map { RedisCommand("PUBLISH", $0 % 2 == 0 ? "a" : "b", .integer($0)) }
                let counts = try await client.pipeline(commands)
                #expect(counts.allSatisfy { $0.integer == 1 })
                try await eventually { recorder.messages.count == 5_000 && recorder.now.open == 0 }
                #expect(recorder.messages == (0..<5_000).map { "\($0 % 2 == 0 ? "a" : "b"): \($0)" })
                #expect(recorder.now.bursts < 1_000)
                #expect(log.readies(.subscriptions).count == 1)
            }
        }
    }

    @Test("of several subscribers share a channel, and end one by one")
    func shared() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let (one, two) = (Recorder(), Recorder())
                try await client.subscribe(one, to: ["news", "mine"])
                try await client.subscribe(two, to: ["news"])
                #expect(try await client.send(RedisCommand("PUBLISH", "news", "1")).integer == 1)
                try await eventually { one.messages.count == 1 && two.messages.count == 1 }
                await client.unsubscribe(one, from: ["news"])
                #expect(try await client.send(RedisCommand("PUBLISH", "news", "2")).integer == 1)
                try await eventually { two.messages.count == 2 }
                await client.unsubscribe(two)
                try await eventually { try await client.send(RedisCommand("PUBLISH", "news", "3")).integer == 0 }
                #expect(try await client.send(RedisCommand("PUBLISH", "mine", "4")).integer == 1)
                try await eventually { one.messages.count == 2 }
                #expect(one.messages == ["news: 1", "mine: 4"])
                #expect(two.messages == ["news: 1", "news: 2"])
            }
        }
    }

    @Test("are live when the call returns, however often they end and begin")
    func flapping() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                for round in 0..<50 {
                    let recorder = Recorder()
                    let _: EventLoopFuture<Void> = client.subscribe(recorder, to: ["c"])
                    let _: EventLoopFuture<Void> = client.unsubscribe(recorder)
                    try await client.subscribe(recorder, to: ["c"])
                    #expect(try await client.send(RedisCommand("PUBLISH", "c", .integer(round))).integer == 1)
                    try await eventually { recorder.messages == ["c: \(round)"] }
                    let _: EventLoopFuture<Void> = client.unsubscribe(recorder)
                }
            }
        }
    }

    @Test("of thousands of channels are made by one call")
    func many() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let recorder = Recorder()
                try await client.subscribe(recorder, to: (0..<3_500).map { "channel \($0)" })
                _ = try await client.send(RedisCommand("PUBLISH", "channel 3499", "x"))
                try await eventually { recorder.messages == ["channel 3499: x"] }
            }
        }
    }

    @Test("tell channels apart by their bytes")
    func bytes() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let recorder = Recorder()
                let (composed, decomposed) = ("\u{E9}", "e\u{301}")
                try await client.subscribe(recorder, to: [composed, decomposed, composed])
                for name in [composed, decomposed] {
                    #expect(try await client.send(RedisCommand("PUBLISH", .string(name), "x")).integer == 1)
                }
                try await eventually { recorder.messages.count == 2 }
                #expect(recorder.messages.map { $0.utf8.count } == [5, 6])
            }
        }
    }

    @Test("without a server fail at the deadline, and nothing of them remains")
    func unavailable() async throws {
        try await withDirectory { directory in
            let server = try await RedisServer([], directory: directory)
            server.kill9()
            defer { server.end() }
            var configuration = server.configuration
            configuration.commandTimeout = .seconds(1)
            try await withClient(configuration) { client, log async throws in
                try await eventually { !log.reasons().isEmpty }
                let recorder = Recorder()
                let error = await redisError { try await client.subscribe(recorder, to: ["c"]) }
                #expect(error?.code == .unavailable)
                try server.restart()
                try await eventually { log.readies(.subscriptions).count == 1 && log.readies(.commands).count == 1 }
                #expect(try await client.send(RedisCommand("PUBLISH", "c", "x")).integer == 0)
            }
        }
    }
}
