import Foundation
import FreeIMTestSupport
import NIOCore
import RedisClient
import RedisTestSupport
import Testing

@Suite("After an outage")
struct OutageTests {
    @Test("a client whose connections were killed goes on, subscriptions included")
    func clientKill() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, log async throws in
                let recorder = Recorder()
                try await client.subscribe(recorder, to: ["c"])
                for round in 1...3 {
                    try await eventually { log.readies(.subscriptions).count == round }
                    let pubsub = log.readies(.subscriptions)[round - 1] ?? 0
                    let _: EventLoopFuture<[RedisValue]> = client.pipeline([
                        RedisCommand("CLIENT", "KILL", "ID", .integer(Int(pubsub))),
                        RedisCommand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"),
                    ])
                    try await eventually {
                        log.readies(.subscriptions).count == round + 1 && log.readies(.commands).count == round + 1
                    }
                    #expect(try await client.send(RedisCommand("PUBLISH", "c", .integer(round))).integer == 1)
                }
                try await eventually { recorder.messages == ["c: 1", "c: 2", "c: 3"] }
            }
        }
    }

    @Test("a killed server that comes back finds its subscribers again, and waiting commands are sent")
    func kill9() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.commandTimeout = .seconds(20)
            try await withClient(configuration) { client, log async throws in
                let recorder = Recorder()
                let script = RedisScript("return redis.call('INCR', KEYS[1])")
                try await client.subscribe(recorder, to: (0..<100).map { "c\($0)" })
                #expect(try await client.eval(script, keys: ["n"]).integer == 1)
                server.kill9()
                try await eventually { !log.reasons(.commands).isEmpty && !log.reasons(.subscriptions).isEmpty }
                let waiting = (0..<100).map { _ -> EventLoopFuture<RedisValue> in client.eval(script, keys: ["n"]) }
                try server.restart()
                let counts = try await EventLoopFuture.whenAllSucceed(waiting, on: client.eventLoop).get()
                #expect(counts.map(\.integer) == (1...100).map { Int64($0) })
                try await eventually { log.readies(.subscriptions).count == 2 }
                _ = try await client.pipeline((0..<100).map { RedisCommand("PUBLISH", "c\($0)", "x") })
                try await eventually { recorder.messages == (0..<100).map { "c\($0): x" } }
            }
        }
    }

    @Test("a command under way fails as lost, and is not sent twice")
    func underWay() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, log async throws in
                _ = try await client.send(RedisCommand("INCR", "n"))
                server.signal(SIGSTOP)
                let future: EventLoopFuture<RedisValue> = client.send(RedisCommand("INCR", "n"))
                // The loop has written it before it runs this.
                try await client.eventLoop.submit {}.get()
                try await client.eventLoop.submit {}.get()
                server.kill9()
                let error = await redisError { try await future.get() }
                #expect(error?.code == .connectionLost)
                try server.restart()
                #expect(try await client.send(RedisCommand("GET", "n")).isNull)
            }
        }
    }

    @Test("a stopped server fails commands at their deadline, is given up, and is found again")
    func sigstop() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.commandTimeout = .milliseconds(700)
            configuration.peerTimeout = .milliseconds(2_000)
            configuration.keepAlive = .milliseconds(200)
            try await withClient(configuration) { client, log async throws in
                let recorder = Recorder()
                try await eventually { log.readies(.commands).count == 1 }
                try await eventually { await redisError { try await client.subscribe(recorder, to: ["c"]) } == nil }
                server.signal(SIGSTOP)
                let clock = ContinuousClock()
                let start = clock.now
                let error = await redisError { try await client.send(RedisCommand("PING")) }
                #expect(error?.code == .timeout)
                #expect(clock.now - start >= .milliseconds(690))
                // Given up later than the command failed, unless the test itself was late to look.
                #expect(log.reasons().isEmpty || clock.now - start >= .milliseconds(1_900))
                try await eventually {
                    log.reasons().first?.code == .timeout && log.reasons(.subscriptions).first?.code == .timeout
                }
                #expect(clock.now - start >= .milliseconds(1_900))
                server.signal(SIGCONT)
                try await eventually { log.readies(.subscriptions).count == 2 && log.readies(.commands).count == 2 }
                try await eventually {
                    let _: EventLoopFuture<RedisValue> = client.send(RedisCommand("PUBLISH", "c", "x"))
                    return recorder.messages.contains("c: x")
                }
            }
        }
    }

    @Test("late replies do not come to stand for others")
    func lateReplies() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.commandTimeout = .milliseconds(1_500)
            try await withClient(configuration) { client, log async throws in
                try await eventually { log.readies(.commands).count == 1 }
                server.signal(SIGSTOP)
                let error = await redisError { try await client.send(RedisCommand("ECHO", "late")) }
                #expect(error?.code == .timeout)
                server.signal(SIGCONT)
                try await eventually {
                    await redisError { try await client.send(RedisCommand("PING")) } == nil
                }
                #expect(try await client.send(RedisCommand("ECHO", "next")).string == "next")
                #expect(log.reasons().isEmpty)
            }
        }
    }

    @Test("a quiet connection is kept alive by PING")
    func keepAlive() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.keepAlive = .milliseconds(20)
            try await withClient(configuration) { client, log async throws in
                try await client.subscribe(Recorder(), to: ["c"])
                try await eventually {
                    let stats = try await client.send(RedisCommand("INFO", "commandstats")).string ?? ""
                    let calls = stats.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_ping:calls=") }
                    return Int(calls?.split(separator: "=")[1].prefix { $0.isNumber } ?? "") ?? 0 > 8
                }
                #expect(log.reasons(.subscriptions).isEmpty)
                #expect(log.reasons(.commands).isEmpty)
            }
        }
    }
}
