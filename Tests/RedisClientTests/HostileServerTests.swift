import FreeIMTestSupport
import NIOCore
import RedisClient
import Testing

@Suite("A hostile or broken server")
struct HostileServerTests {
    /// What is not RESP2, or more of it than anyone asked for; known by its beginning.
    struct Garbage: CustomTestStringConvertible {
        let text: String
        var testDescription: String { String(text.debugDescription.prefix(24)) }
    }

    static let garbage = [
        "HTTP/1.1 400 Bad Request\r\n\r\n", "*2147483647\r\n", "*1048577\r\n", "*-2\r\n", "*99999999999999999999\r\n",
        "$2147483647\r\n", "$-5\r\n", "$99999999999999999999999\r\nx", ":12x\r\n", ":\r\n", "$abc\r\n", "\r\n",
        "\0\0\0\0",
        String(repeating: "*1\r\n", count: 100), String(repeating: "*7\r\n", count: 8), "%1\r\n+a\r\n+b\r\n",
        ",1.5\r\n",
        "#t\r\n", ">2\r\n+a\r\n+b\r\n", "_\r\n", "+OK\r\n+OK\r\n", "*1\r\n*100000000\r\n",
        "+" + String(repeating: "x", count: 100_000), "$" + String(repeating: "1", count: 100_000),
    ].map { Garbage(text: $0) }

    @Test("ends the connection with a typed error, and never the process", arguments: garbage)
    func ends(_ garbage: Garbage) async throws {
        try await withFakeServer { number, command in
            FakeServer.greeting(command, other: number == 0 ? .text(garbage.text) : .text("+fine\r\n"))
        } body: { server in
            try await withClient(server.configuration) { client, log async throws in
                // "+OK +OK" is one reply too many: the first is taken for the command's.
                _ = await redisError { try await client.send(RedisCommand("GET", "a")) }
                try await eventually { !log.reasons().isEmpty }
                #expect(log.reasons().first?.code == .protocolViolation)
                #expect(try await client.send(RedisCommand("GET", "a")).string == "fine")
            }
        }
    }

    @Test("ends the connection of the subscriptions likewise", arguments: garbage)
    func endsSubscriptions(_ garbage: Garbage) async throws {
        try await withFakeServer { _, command in
            FakeServer.greeting(command, other: .text(garbage.text))
        } body: { server in
            try await withClient(server.configuration) { client, log async throws in
                let _: EventLoopFuture<Void> = client.subscribe(Recorder(), to: ["c"])
                try await eventually { !log.reasons(.subscriptions).isEmpty }
                #expect(log.reasons(.subscriptions).first?.code == .protocolViolation)
            }
        }
    }

    @Test(
        "that confirms or publishes what nobody asked for is given up",
        arguments: [
            "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n", "*0\r\n",
            "*1\r\n:1\r\n",
            "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n", "*2\r\n$4\r\npong\r\n$0\r\n\r\n",
            "*4\r\n$8\r\npmessage\r\n$1\r\nc\r\n$1\r\nc\r\n$1\r\nx\r\n",
        ])
    func unasked(_ text: String) async throws {
        try await withFakeServer { _, command in
            FakeServer.greeting(command, other: .text(text))
        } body: { server in
            try await withClient(server.configuration) { client, log async throws in
                let _: EventLoopFuture<Void> = client.subscribe(Recorder(), to: ["c"])
                try await eventually { !log.reasons(.subscriptions).isEmpty }
                #expect(log.reasons(.subscriptions).first?.code == .protocolViolation)
            }
        }
    }

    @Test("that closes in the middle of a reply loses the command, with a typed error")
    func truncated() async throws {
        try await withFakeServer { number, command in
            FakeServer.greeting(command, other: number == 0 ? .close("*2\r\n$5\r\nhel") : .text("+fine\r\n"))
        } body: { server in
            try await withClient(server.configuration) { client, _ async throws in
                let error = await redisError { try await client.send(RedisCommand("GET", "a")) }
                #expect(error?.code == .connectionLost)
                #expect(try await client.send(RedisCommand("GET", "a")).string == "fine")
            }
        }
    }

    @Test("that never answers the handshake is given up at the connect deadline")
    func silent() async throws {
        try await withFakeServer { _, _ in
            .silence
        } body: { server in
            var configuration = server.configuration
            configuration.connectTimeout = .milliseconds(150)
            try await withClient(configuration) { _, log async throws in
                try await eventually { log.reasons().contains { $0.code == .timeout } }
            }
        }
    }

    @Test("that loads its data is asked again until it is ready, and commands wait")
    func loading() async throws {
        try await withFakeServer { number, command in
            if command == ["PING"], number < 4 {
                return .text("-LOADING Redis is loading the dataset in memory\r\n")
            }
            return FakeServer.greeting(command, other: .text("+loaded\r\n"))
        } body: { server in
            try await withClient(server.configuration) { client, log async throws in
                #expect(try await client.send(RedisCommand("GET", "a")).string == "loaded")
                #expect(log.reasons().map(\.code) == Array(repeating: .loading, count: 4))
            }
        }
    }

    @Test("that is full tells so before it closes")
    func full() async throws {
        try await withFakeServer { _, _ in
            .close("-ERR max number of clients reached\r\n")
        } body: { server in
            try await withClient(server.configuration) { _, log async throws in
                try await eventually { !log.reasons().isEmpty }
                #expect(log.reasons().first?.message == "max number of clients reached")
            }
        }
    }

    @Test("that is silent makes commands wait in a queue with a limit")
    func queue() async throws {
        try await withFakeServer { _, command in
            FakeServer.greeting(command, other: .silence)
        } body: { server in
            var configuration = server.configuration
            configuration.maxInFlight = 5
            configuration.maxWaiting = 5
            configuration.commandTimeout = .milliseconds(400)
            try await withClient(configuration) { client, log async throws in
                try await eventually { log.readies(.commands).count == 1 }
                let sent = (0..<5).map { _ -> EventLoopFuture<RedisValue> in client.send(RedisCommand("GET", "a")) }
                try await client.eventLoop.submit {}.get()
                try await client.eventLoop.submit {}.get()
                let waiting = (0..<5).map { _ -> EventLoopFuture<RedisValue> in client.send(RedisCommand("GET", "a")) }
                #expect(await redisError { try await client.send(RedisCommand("GET", "a")) }?.code == .overloaded)
                for future in sent + waiting { #expect(await redisError { try await future.get() }?.code == .timeout) }
            }
        }
    }
}
