import FreeIMCore
import FreeIMRedis
import NIOPosix
import RedisClient
import Testing

@Suite("The options of a Redis server")
struct OptionsTests {
    private typealias Entry = (key: String, value: String)

    private static let file = "plugins.yaml"

    /// Entry n stands in line n, from 1, and its value in column 10.
    private static func read(_ entries: [Entry]) -> (RedisTransportConfiguration, [ModuleError]) {
        let pairs = entries.enumerated().map { index, entry in
            (
                key: entry.key, keyLocation: SourceLocation(file: file, line: index + 1, column: 1),
                value: Section.Node(
                    .scalar(entry.value), at: SourceLocation(file: file, line: index + 1, column: 10))
            )
        }
        let start = SourceLocation(file: file, line: 1, column: 1)
        var section = Section(owner: "transport.redis", mapping: .init(.mapping(pairs), at: start), at: start)
        var configuration = RedisTransportConfiguration()
        configuration.read(from: &section)
        return (configuration, section.finish())
    }

    @Test("reach the client")
    func read() throws {
        let (configuration, problems) = Self.read([
            ("url", "rediss://user:secret@host:7000/4"), ("key_prefix", "im:"), ("connect_timeout", "1s"),
            ("command_timeout", "2s"), ("keep_alive", "3s"), ("peer_timeout", "4s"), ("max_in_flight", "5"),
            ("max_waiting", "6"), ("max_waiting_bytes", "7KiB"), ("client_name", "node-1"), ("ca_file", "ca"),
            ("certificate_file", "crt"), ("key_file", "key"), ("server_name", "name"), ("canary_interval", "20ms"),
            ("canary_timeout", "30ms"), ("max_pending", "8"),
        ])
        #expect(problems.isEmpty)
        let client = try configuration.options.clientConfiguration()
        #expect(client.endpoint == .tcp(host: "host", port: 7_000) && client.database == 4)
        #expect(client.credentials == RedisCredentials(user: "user", password: "secret"))
        #expect(client.connectTimeout == .seconds(1) && client.commandTimeout == .seconds(2))
        #expect(client.keepAlive == .seconds(3) && client.peerTimeout == .seconds(4))
        #expect(client.maxInFlight == 5 && client.maxWaiting == 6 && client.maxWaitingBytes == 7 << 10)
        #expect(client.clientName == "node-1")
        #expect(client.tls?.caFile == "ca" && client.tls?.serverName == "name")
        #expect(client.tls?.certificateFile == "crt" && client.tls?.keyFile == "key")
        #expect(configuration.options.keyPrefix == "im:")
        #expect(configuration.canaryInterval == .milliseconds(20) && configuration.canaryTimeout == .milliseconds(30))
        #expect(configuration.maxPending == 8)
    }

    @Test("without any, Redis is on this machine, in clear")
    func defaults() throws {
        let (configuration, problems) = Self.read([])
        #expect(problems.isEmpty)
        let client = try configuration.options.clientConfiguration()
        #expect(client.endpoint == .tcp(host: "127.0.0.1", port: 6_379))
        #expect(client.tls == nil && client.credentials == nil)
    }

    @Test(
        "a url that cannot be used is named with line and column, and its secret is not",
        arguments: ["redis://:hunter2@", "http://:hunter2@host", "redis://:hunter2@host:x", "redis://hunter2@host"])
    func invalidURL(url: String) throws {
        let (configuration, problems) = Self.read([("key_prefix", "a"), ("url", url)])
        let problem = try #require(problems.first)
        #expect(problems.count == 1)
        #expect(problem.location == SourceLocation(file: Self.file, line: 2, column: 1))
        #expect(problem.code == .invalidValue)
        #expect(problem.message.hasPrefix("'url' of transport.redis"))
        #expect(!problem.description.contains("hunter2"))
        let error = #expect(throws: ModuleError.self) { try configuration.options.clientConfiguration() }
        #expect(error?.message.hasPrefix("'url'") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test(
        "what does not go together is told at the key",
        arguments: [
            ([("url", "redis://h"), ("ca_file", "a")], "ca_file", 2),
            ([("server_name", "a")], "server_name", 1),
            ([("url", "rediss://h"), ("key_file", "a")], "key_file", 2),
            ([("url", "rediss://h"), ("certificate_file", "a")], "certificate_file", 2),
            ([("client_name", "two words")], "client_name", 1),
            ([("peer_timeout", "0s")], "peer_timeout", 1),
            ([("max_waiting_bytes", "0")], "max_waiting_bytes", 1),
            ([("canary_interval", "3s"), ("canary_timeout", "3s")], "canary_timeout", 2),
        ])
    func conflicts(entries: [(String, String)], key: String, line: Int) throws {
        let problem = try #require(Self.read(entries.map { ($0.0, $0.1) }).1.first)
        #expect(problem.message.contains("'\(key)' of transport.redis"))
        #expect(problem.location?.line == line)
    }

    @Test("descriptions hold no password")
    func descriptions() {
        var configuration = RedisTransportConfiguration()
        configuration.options.url = "redis://user:hunter2@host:1"
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), dumped] {
            #expect(!text.contains("hunter2"))
        }
        #expect("\(configuration.options)" == "Redis at host:1")
    }

    @Test("out of the client's range is an error of the link")
    func link() {
        var options = RedisOptions()
        options.maxInFlight = 0
        let error = #expect(throws: ModuleError.self) {
            try RedisLink(options, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: .silent)
        }
        #expect(error?.code == .invalidValue)
        #expect(error?.message.contains("maxInFlight") == true)
    }

    @Test("the factory builds without touching the world")
    func factory() async throws {
        var section = Section(recordingFor: "transport.redis")
        let build = ModuleFactory<any Transport>.redis.read(&section)
        #expect(section.keys.map(\.name).first == "url")
        _ = section.finish()
        let group = MultiThreadedEventLoopGroup.singleton
        let context = ModuleContext(
            id: ModuleID(role: .transport, type: "redis"), logger: .silent, eventLoopGroup: group,
            node: NodeIdentity(name: "a"))
        let transport = try #require(try build(context) as? RedisTransport)
        #expect(transport.link.client.eventLoop === Array(group.makeIterator())[0])
    }
}
