import FreeIMTestSupport
import NIOCore
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

@Suite("A client of a real server")
struct ServerTests {
    @Test("sends commands and gets values of every type")
    func values() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                #expect(try await client.send(RedisCommand("SET", "key", "value")) == .simple(ByteBuffer(string: "OK")))
                #expect(try await client.send(RedisCommand("GET", "key")).string == "value")
                #expect(try await client.send(RedisCommand("GET", "none")).isNull)
                #expect(try await client.send(RedisCommand("INCRBY", "number", 41)).integer == 41)
                #expect(try await client.send(RedisCommand("GET", "number")).integer == 41)
                let bytes = ByteBuffer(bytes: [0, 13, 10, 255])
                _ = try await client.send(RedisCommand("SET", "bytes", .bytes(bytes)))
                #expect(try await client.send(RedisCommand("GET", "bytes")) == .bulk(bytes))
                let nested = try await client.eval(RedisScript("return {1, {'two', {}}, false}"))
                #expect(
                    nested == .array([.integer(1), .array([.bulk(ByteBuffer(string: "two")), .array([])]), .null]))
            }
        }
    }

    @Test("fails with Redis' own code word")
    func errors() async throws {
        try await withServer("--maxmemory", "1mb", "--maxmemory-policy", "noeviction") { server in
            try await withClient(server.configuration) { client, _ async throws in
                _ = try await client.send(RedisCommand("HSET", "hash", "field", 1))
                let wrong = await redisError { try await client.send(RedisCommand("INCR", "hash")) }
                #expect(wrong?.code == .wrongType)
                #expect(wrong?.isReply == true)
                let script = RedisScript("return redis.error_reply('MOVED 1234 127.0.0.1:7001')")
                let moved = await redisError { try await client.eval(script) }
                #expect(moved?.code == .moved)
                #expect(moved?.message == "1234 127.0.0.1:7001")
                let big = ByteBuffer(repeating: 1, count: 2 << 20)
                _ = await redisError { try await client.send(RedisCommand("SET", "big", .bytes(big))) }
                let oom = await redisError { try await client.send(RedisCommand("SET", "more", .bytes(big))) }
                #expect(oom?.code == .oom)
                _ = try await client.send(RedisCommand("DEL", "big"))
                _ = try await client.send(RedisCommand("REPLICAOF", "127.0.0.1", 1))
                let readOnly = await redisError { try await client.send(RedisCommand("SET", "a", 1)) }
                #expect(readOnly?.code == .readOnly)
            }
        }
    }

    @Test("gets 10,000 replies in the order of the commands")
    func order() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                var futures: [EventLoopFuture<RedisValue>] = []
                for number in 0..<10_000 { futures.append(client.send(RedisCommand("ECHO", .integer(number)))) }
                let values = try await EventLoopFuture.whenAllSucceed(futures, on: client.eventLoop).get()
                #expect(values.map(\.integer) == (0..<10_000).map { Int64($0) })
                let counts = try await client.pipeline(Array(repeating: RedisCommand("INCR", "n"), count: 10_000))
                #expect(counts.map(\.integer) == (1...10_000).map { Int64($0) })
            }
        }
    }

    @Test("keeps the pace where few commands may be in flight")
    func fewInFlight() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.maxInFlight = 3
            try await withClient(configuration) { client, _ async throws in
                var futures: [EventLoopFuture<RedisValue>] = []
                for number in 0..<500 { futures.append(client.send(RedisCommand("ECHO", .integer(number)))) }
                let values = try await EventLoopFuture.whenAllSucceed(futures, on: client.eventLoop).get()
                #expect(values.map(\.integer) == (0..<500).map { Int64($0) })
                let tooLong = await redisError {
                    try await client.pipeline(Array(repeating: RedisCommand("PING"), count: 4))
                }
                #expect(tooLong?.code == .invalid)
            }
        }
    }

    @Test("moves megabytes both ways through the socket's back-pressure")
    func large() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let value = ByteBuffer(repeating: 120, count: 3 << 20)
                let sets = (0..<8).map { RedisCommand("SET", "key\($0)", .bytes(value)) }
                var futures: [EventLoopFuture<RedisValue>] = sets.map { client.send($0) }
                futures += (0..<8).map { client.send(RedisCommand("GET", "key\($0)")) }
                let values = try await EventLoopFuture.whenAllSucceed(futures, on: client.eventLoop).get()
                #expect(values.suffix(8).allSatisfy { $0 == .bulk(value) })
            }
        }
    }

    @Test("keeps a transaction in one piece")
    func transaction() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                let replies = try await client.pipeline([
                    RedisCommand("MULTI"), RedisCommand("INCR", "n"), RedisCommand("LPUSH", "n", 1),
                    RedisCommand("EXEC"),
                ])
                #expect(replies.last?.array?.first?.integer == 1)
                #expect(replies.last?.array?.last?.error?.code == .wrongType)
            }
        }
    }

    @Test("authenticates with a password", arguments: ["secret", "p@ss:w/rd %"])
    func password(_ password: String) async throws {
        try await withServer("--requirepass", password) { server in
            var configuration = server.configuration
            configuration.credentials = RedisCredentials(password: password)
            try await withClient(configuration) { client, _ async throws in
                #expect(try await client.send(RedisCommand("PING")).string == "PONG")
            }
        }
    }

    @Test("authenticates as a user of the ACL, who need not be allowed more than GET")
    func user() async throws {
        try await withServer("--user", "default", "off", "--user", "reader", "on", ">secret", "~*", "+get") { server in
            var configuration = server.configuration
            configuration.credentials = RedisCredentials(user: "reader", password: "secret")
            configuration.clientName = "test"
            try await withClient(configuration) { client, log async throws in
                #expect(try await client.send(RedisCommand("GET", "key")).isNull)
                let refused = await redisError { try await client.send(RedisCommand("SET", "key", 1)) }
                #expect(refused?.code == .noPerm)
                #expect(log.readies(.commands) == [nil])
            }
        }
    }

    @Test("reports a wrong password by Redis' code, and keeps it to itself")
    func wrongPassword() async throws {
        try await withServer("--requirepass", "right") { server in
            var configuration = server.configuration
            configuration.commandTimeout = .milliseconds(300)
            configuration.credentials = RedisCredentials(password: "wrong-secret")
            try await withClient(configuration) { client, log async throws in
                try await eventually { !log.reasons().isEmpty }
                let error = await redisError { try await client.send(RedisCommand("PING")) }
                #expect(error?.code == .unavailable)
                #expect((error?.underlying as? RedisError)?.code == .wrongPass)
                #expect(log.reasons().contains { $0.code == .wrongPass })
                #expect(!"\(log.all) \(String(describing: error))".contains("wrong-secret"))
            }
            configuration.credentials = nil
            try await withClient(configuration) { client, log async throws in
                _ = await redisError { try await client.send(RedisCommand("PING")) }
                try await eventually { log.reasons().contains { $0.code == .noAuth } }
            }
        }
    }

    @Test("uses its database and its name")
    func database() async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.database = 3
            configuration.clientName = "node-1"
            try await withClient(configuration) { client, _ async throws in
                _ = try await client.send(RedisCommand("SET", "key", 1))
                #expect(try await client.send(RedisCommand("CLIENT", "GETNAME")).string == "node-1")
                #expect(try await client.send(RedisCommand("INFO", "keyspace")).string?.contains("db3:keys=1") == true)
            }
        }
    }

    @Test("connects over a unix socket")
    func unixSocket() async throws {
        try await withServer("--port", "0", "--unixsocket", "{dir}/redis.sock") { server in
            var configuration = try RedisClientConfiguration(url: "unix://\(server.directory)/redis.sock?db=2")
            configuration.backoff.initial = .milliseconds(10)
            try await withClient(configuration) { client, _ async throws in
                _ = try await client.send(RedisCommand("SET", "key", 1))
                #expect(try await client.send(RedisCommand("INFO", "keyspace")).string?.contains("db2:keys=1") == true)
            }
        }
    }

    @Test("refuses commands that a shared connection cannot carry")
    func unshareable() async throws {
        try await withServer { server in
            try await withClient(server.configuration) { client, _ async throws in
                for command in [
                    RedisCommand("subscribe", "a"), RedisCommand("MONITOR"), RedisCommand("client", "reply", "off"),
                    RedisCommand("multi"),
                ] {
                    let error = await redisError { try await client.send(command) }
                    #expect(error?.code == .invalid, "\(command)")
                }
                let open = [RedisCommand("MULTI"), RedisCommand("EXEC"), RedisCommand("MULTI"), RedisCommand("PING")]
                #expect(await redisError { try await client.pipeline(open) }?.code == .invalid)
                #expect(try await client.send(RedisCommand("PING")).string == "PONG")
            }
        }
    }

    @Test("stops after it has sent and answered what was handed in")
    func gracefulStop() async throws {
        try await withServer { server in
            let future = try await withClient(server.configuration) { client, _ async throws in
                _ = try await client.send(RedisCommand("PING"))
                let future: EventLoopFuture<[RedisValue]> = client.pipeline(
                    Array(repeating: RedisCommand("INCR", "n"), count: 1_000))
                return future
            }
            #expect(try await future.get().last?.integer == 1_000)
        }
    }

    @Test("ends with its task, and takes nothing afterwards")
    func cancelled() async throws {
        try await withServer { server in
            let client = try RedisClient(server.configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await client.run() }
                _ = try await client.send(RedisCommand("PING"))
                tasks.cancelAll()
                try await tasks.waitForAll()
            }
            let error = await redisError { try await client.send(RedisCommand("PING")) }
            #expect(error?.code == .stopped)
            #expect(await redisError { try await client.run() }?.code == .invalid)
        }
    }
}
