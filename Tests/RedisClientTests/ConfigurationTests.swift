import NIOCore
import NIOPosix
import Testing

@testable import RedisClient

@Suite("A configuration")
struct ConfigurationTests {
    @Test("comes from a URL")
    func urls() throws {
        let plain = try RedisClientConfiguration(url: "redis://localhost")
        #expect(plain.endpoint == .tcp(host: "localhost", port: 6379))
        #expect(plain.credentials == nil && plain.database == 0 && plain.tls == nil)
        let full = try RedisClientConfiguration(url: "rediss://us%65r:p%40ss%3A%2F@[::1]:7000/4")
        #expect(full.endpoint == .tcp(host: "::1", port: 7000))
        #expect(full.credentials == RedisCredentials(user: "user", password: "p@ss:/"))
        #expect(full.database == 4 && full.tls == RedisTLS())
        let password = try RedisClientConfiguration(url: "REDIS://:a:b@h:1/")
        #expect(password.credentials == RedisCredentials(user: nil, password: "a:b"))
        let unix = try RedisClientConfiguration(url: "unix:///run/re%20dis.sock?db=2")
        #expect(unix.endpoint == .unix(path: "/run/re dis.sock") && unix.database == 2)
        let unixUser = try RedisClientConfiguration(url: "unix://u:p@/run/redis.sock")
        #expect(unixUser.credentials == RedisCredentials(user: "u", password: "p"))
    }

    @Test(
        "refuses other URLs, and never repeats a secret",
        arguments: [
            "secret", "http://secret@h", "redis://", "redis://u:secret@", "redis://u:secret@h:port",
            "redis://u:secret@h:0",
            "redis://u:secret@h:65536", "redis://u:secret@h/x", "redis://u:secret@h/-1", "redis://u:secret@h?x=1",
            "redis://u:secret@[::1", "redis://u:secret@[::1]x", "redis://secret@h", "redis://u:@h",
            "redis://u:secret%zz@h",
            "redis://u:secret%ff@h", "redis://u:se/secret@h", "redis://u:se?secret@h", "redis://u:se#secret@h",
            "unix://u:secret@", "unix://u:secret@host/path", "unix://u:secret@/", "unix://u:secret@/p?db=x",
            "unix://u:secret@/p?x=1", "unix://u:secret@/p?db=1&x=2", "unix://u:sec/ret@/p",
        ])
    func badURLs(_ url: String) {
        do {
            _ = try RedisClientConfiguration(url: url)
            Issue.record("accepted")
        } catch {
            #expect(error.code == .invalid)
            #expect(!"\(error)".contains("secret"))
        }
    }

    @Test("shows no password, however it is printed")
    func secrets() throws {
        let configuration = try RedisClientConfiguration(url: "redis://user:secret@h")
        var dumped = ""
        dump(configuration, to: &dumped)
        dump(RedisCommand("AUTH", "secret"), to: &dumped)
        dumped += "\(configuration) \(String(reflecting: configuration)) \(RedisCommand("AUTH", "secret"))"
        #expect(!dumped.contains("secret"))
        #expect(dumped.contains("user"))
    }

    static let mistakes: [@Sendable (inout RedisClientConfiguration) -> Void] = [
        { $0.database = -1 }, { $0.connectTimeout = .zero }, { $0.commandTimeout = .zero }, { $0.keepAlive = .zero },
        { $0.peerTimeout = .seconds(-1) }, { $0.backoff.initial = .zero }, { $0.backoff.maximum = .milliseconds(1) },
        { $0.backoff.jitter = 1.5 }, { $0.maxInFlight = 0 }, { $0.maxWaiting = 0 }, { $0.maxWaitingBytes = 0 },
        { $0.replyLimits.elements = 0 }, { $0.replyLimits.depth = 8 }, { $0.replyLimits.bulkBytes = 1 << 30 },
        { $0.replyLimits.replyBytes = 1 }, { $0.clientName = "a b" }, { $0.clientName = "ü" },
        {
            $0.tls = RedisTLS()
            $0.tls?.keyFile = "key"
        },
        {
            $0.tls = RedisTLS()
            $0.tls?.serverName = "127.0.0.1"
        },
    ]

    @Test("refuses what is out of its range", arguments: mistakes.indices)
    func ranges(_ index: Int) throws {
        var configuration = RedisClientConfiguration(endpoint: .tcp(host: "h", port: 1))
        try configuration.validate()
        Self.mistakes[index](&configuration)
        #expect(throws: RedisError.self) { try configuration.validate() }
    }

    @Test("names the files of TLS that cannot be read, when the client is run")
    func missingFile() async throws {
        var configuration = try RedisClientConfiguration(url: "rediss://localhost")
        configuration.tls?.caFile = "/none/ca.crt"
        let client = try RedisClient(configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        let error = await redisError { try await client.run() }
        #expect(error?.code == .tls)
        #expect(error?.message.contains("/none/ca.crt") == true)
    }

    @Test("spaces attempts farther and farther apart, at random within the jitter")
    func backoff() {
        var generator = Seeded(state: 1)
        var backoff = RedisBackoff()
        backoff.jitter = 0
        let pauses = (1...8).map { backoff.pause(failures: $0, using: &generator) }
        #expect(pauses == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map { .milliseconds($0) })
        #expect(backoff.pause(failures: .max, using: &generator) == .seconds(5))
        backoff.jitter = 0.5
        let jittered = (0..<100).map { _ in backoff.pause(failures: 1, using: &generator) }
        #expect(jittered.allSatisfy { $0 >= .milliseconds(50) && $0 <= .milliseconds(100) })
        #expect(Set(jittered).count > 50)
    }

    @Test("has commands encoded as RESP2")
    func commands() {
        let command = RedisCommand("set", "kéy", .bytes(ByteBuffer(bytes: [13, 10])), 7)
        #expect(String(buffer: command.encoded) == "*4\r\n$3\r\nset\r\n$4\r\nkéy\r\n$2\r\n\r\n\r\n$1\r\n7\r\n")
        #expect(command.name == "SET")
    }

    @Test("has errors that keep Redis' word")
    func errors() {
        let moved = RedisError(reply: "MOVED 12 h:1")
        #expect(moved.code == .moved && moved.message == "12 h:1" && moved.isReply)
        #expect("\(moved)" == "MOVED 12 h:1")
        #expect(RedisError(reply: "Error in script").code == .err)
        #expect(RedisError(reply: "").code == .err)
        #expect(RedisError(reply: "CUSTOM_WORD").code == RedisError.Code(reply: "CUSTOM_WORD"))
        let unknown = RedisError(reply: "ERR unknown command 'AUTH', with args beginning with: 'hunter2' ")
        #expect("\(unknown)" == "ERR unknown command 'AUTH'")
        #expect("\(RedisError(.timeout, "too late"))" == "too late [timeout]")
    }
}
