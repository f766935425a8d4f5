import FreeIMTestSupport
import NIOCore
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

@Suite("Channels that the ACL forbids")
struct ForbiddenTests {
    /// A server whose user `u` has the channels `good*` alone.
    private func withServer(_ body: (RedisServer, RedisClientConfiguration) async throws -> Void) async throws {
        let user = ["--user", "u", "on", ">p", "~*", "resetchannels", "&good*", "+@all"]
        try await withDirectory { directory in
            let server = try await RedisServer(user, directory: directory)
            defer { server.end() }
            try await server.listens()
            var configuration = server.configuration
            configuration.credentials = RedisCredentials(user: "u", password: "p")
            try await body(server, configuration)
        }
    }

    @Test("fail their call with NOPERM and leave other channels alone")
    func forbidden() async throws {
        try await withServer { _, configuration in
            try await withClient(configuration) { client, log async throws in
                let recorder = Recorder()
                try await client.subscribe(recorder, to: ["good 1"])
                let error = await redisError { try await client.subscribe(recorder, to: ["good 2", "bad"]) }
                #expect(error?.code == .noPerm)
                #expect(try await client.send(RedisCommand("PUBLISH", "good 1", "x")).integer == 1)
                try await eventually {
                    try await client.send(RedisCommand("PUBLISH", "good 2", "x")).integer == 0
                }
                #expect(log.reasons(.subscriptions).isEmpty)
            }
        }
    }

    @Test("fail no other call that is sent in the same command")
    func batch() async throws {
        try await withServer { _, configuration in
            let log = EventLog()
            let client = try RedisClient(
                configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), onEvent: { log.append($0) })
            let (one, two) = (Recorder(), Recorder())
            // Before it runs: all go out together, once it does.
            let good: EventLoopFuture<Void> = client.subscribe(one, to: (0..<40).map { "good \($0)" })
            let bad: EventLoopFuture<Void> = client.subscribe(two, to: ["bad 1", "good 1", "bad 2"])
            let more: EventLoopFuture<Void> = client.subscribe(two, to: ["good 2"])
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await client.run() }
                try await good.get()
                #expect(await redisError { try await bad.get() }?.code == .noPerm)
                try await more.get()
                for channel in 0..<40 { _ = try await client.send(RedisCommand("PUBLISH", "good \(channel)", "x")) }
                try await eventually { one.messages.count == 40 && two.messages == ["good 2: x"] }
                #expect(log.reasons(.subscriptions).isEmpty && log.readies(.subscriptions).count == 1)
                await client.stop()
                try await tasks.waitForAll()
            }
        }
    }

    @Test("after they were allowed do not end the others, and come back when they are allowed again")
    func later() async throws {
        try await withServer { server, configuration in
            try await withClient(server.configuration) { admin, _ async throws in
                _ = try await admin.send(RedisCommand("ACL", "SETUSER", "u", "allchannels"))
                try await withClient(configuration) { client, log async throws in
                    let recorder = Recorder()
                    try await client.subscribe(recorder, to: ["good", "bad"])
                    // Ends the connections that are subscribed to what is not allowed any more.
                    _ = try await admin.send(RedisCommand("ACL", "SETUSER", "u", "resetchannels", "&good"))
                    try await eventually { log.readies(.subscriptions).count == 2 }
                    for round in 0..<5 {
                        #expect(try await admin.send(RedisCommand("PUBLISH", "good", .integer(round))).integer == 1)
                        #expect(try await admin.send(RedisCommand("PUBLISH", "bad", .integer(round))).integer == 0)
                        try await eventually { recorder.messages.last == "good: \(round)" }
                    }
                    let error = await redisError { try await client.subscribe(Recorder(), to: ["bad"]) }
                    #expect(error?.code == .noPerm)
                    _ = try await admin.send(RedisCommand("ACL", "SETUSER", "u", "allchannels"))
                    try await eventually { try await admin.send(RedisCommand("PUBLISH", "bad", "x")).integer == 1 }
                    try await eventually { recorder.messages.last == "bad: x" }
                    #expect(log.readies(.subscriptions).count == 2)
                }
            }
        }
    }
}
