import FreeIMTestSupport
import NIOCore
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

@Suite("Without a server")
struct WaitingTests {
    /// A configuration of a port on which nobody listens.
    private func nobody() async throws -> RedisClientConfiguration {
        var configuration = RedisClientConfiguration(
            endpoint: .tcp(host: "127.0.0.1", port: try await RedisServer.freePort()))
        configuration.backoff.initial = .milliseconds(10)
        configuration.backoff.maximum = .milliseconds(50)
        return configuration
    }

    @Test("commands wait until their deadline and then fail with the reason")
    func deadline() async throws {
        var configuration = try await nobody()
        configuration.commandTimeout = .milliseconds(200)
        try await withClient(configuration) { client, log async throws in
            try await eventually { !log.reasons().isEmpty }
            let error = await redisError { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .unavailable)
            #expect(error?.message.contains("cannot connect to 127.0.0.1") == true)
        }
    }

    @Test("commands beyond the limit fail at once, those before go on waiting")
    func bounded() async throws {
        var configuration = try await nobody()
        configuration.commandTimeout = .milliseconds(500)
        configuration.maxWaiting = 10
        configuration.maxWaitingBytes = 1_000
        try await withClient(configuration) { client, _ async throws in
            let big = await redisError {
                try await client.send(RedisCommand("ECHO", .bytes(ByteBuffer(repeating: 1, count: 1_000))))
            }
            #expect(big?.code == .overloaded)
            let waiting = (0..<10).map { _ -> EventLoopFuture<RedisValue> in client.send(RedisCommand("PING")) }
            let error = await redisError { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .overloaded)
            #expect(error?.message == "10 commands wait for Redis already; the limit is 10")
            for future in waiting { #expect(await redisError { try await future.get() }?.code == .unavailable) }
            let again: EventLoopFuture<RedisValue> = client.send(RedisCommand("PING"))
            #expect(await redisError { try await again.get() }?.code == .unavailable)
        }
    }

    @Test("calls that subscribe have a limit as well")
    func boundedSubscriptions() async throws {
        var configuration = try await nobody()
        configuration.commandTimeout = .milliseconds(500)
        configuration.maxWaiting = 3
        try await withClient(configuration) { client, _ async throws in
            let waiting = (0..<3).map { _ -> EventLoopFuture<Void> in client.subscribe(Recorder(), to: ["c"]) }
            #expect(await redisError { try await client.subscribe(Recorder(), to: ["d"]) }?.code == .overloaded)
            for future in waiting { #expect(await redisError { try await future.get() }?.code == .unavailable) }
            #expect(await redisError { try await client.subscribe(Recorder(), to: ["d"]) }?.code == .unavailable)
        }
    }

    @Test("stopping fails what waits, at once")
    func stop() async throws {
        let configuration = try await nobody()
        let future = try await withClient(configuration) { client, _ async throws in
            let future: EventLoopFuture<RedisValue> = client.send(RedisCommand("PING"))
            return future
        }
        #expect(await redisError { try await future.get() }?.code == .stopped)
    }

    @Test("a cancelled task does not wait on")
    func cancellation() async throws {
        try await withClient(try await nobody()) { client, _ async throws in
            let error = await withTaskGroup(of: RedisError?.self) { tasks in
                tasks.addTask { await redisError { try await client.send(RedisCommand("PING")) } }
                tasks.cancelAll()
                return await tasks.next() ?? nil
            }
            #expect(error?.code == .cancelled)
        }
    }

    @Test("a client that never runs fails what it was handed when it goes")
    func neverRun() async throws {
        var client: RedisClient? = try RedisClient(
            try await nobody(), eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        let future: EventLoopFuture<RedisValue>? = client?.send(RedisCommand("PING"))
        client = nil
        #expect(await redisError { try await future?.get() }?.code == .stopped)
    }

    @Test("attempts go on for ever, and a host without an address is one of them")
    func unknownHost() async throws {
        var configuration = try await nobody()
        configuration.endpoint = .tcp(host: "no-such-host.invalid", port: 6379)
        try await withClient(configuration) { _, log async throws in
            try await eventually { log.reasons().count >= 2 }
            #expect(log.reasons().allSatisfy { $0.code == .unavailable })
        }
    }
}
