import FreeIMCore
import FreeIMRedis
import FreeIMTestSupport
import InMemoryLogging
import Logging
import MetricsTestKit
import NIOPosix
import RedisClient
import RedisTestSupport
import Synchronization

@testable import FreeIMTokenAuth

/// A token store in Redis, with a client beside it that looks at the keys.
struct RunningTokenStore {
    /// A client of FreeIM v1.
    static let guid = ClientID("01234567-89ab-cdef-0123-456789abcdef")

    let store: RedisTokenStore
    let client: RedisClient
    let clock = ManualClock()
    private let log = InMemoryLogHandler()
    private let metrics = TestMetrics()

    init(_ options: RedisOptions) throws {
        let link = try RedisLink(options, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: .silent)
        let (log, clock) = (log, clock)
        client = link.client
        store = RedisTokenStore(
            link: link, keys: TokenKeys(node: NodeIdentity(name: "a"), keyPrefix: options.keyPrefix), ownsLink: true,
            notices: UndecodableNotices(
                logger: Logger(label: "test", factory: { _ in log }), now: { clock.now }, factory: metrics))
    }

    var warnings: [String] { log.entries.map { "\($0.message) \($0.metadata)" } }
    var undecodable: Int64 {
        (try? metrics.expectCounter("freeim_token_undecodable_total").totalValue) ?? 0
    }

    func send(_ name: String, _ arguments: RedisArgument...) async throws -> RedisValue {
        try await client.send(RedisCommand(name, arguments))
    }

    /// How many scripts have run.
    func scripts() async throws -> Int {
        let stats = try await send("INFO", "commandstats").string ?? ""
        let calls = stats.split(whereSeparator: \.isNewline).first { $0.hasPrefix("cmdstat_evalsha:calls=") }
        return calls.flatMap { Int($0.dropFirst("cmdstat_evalsha:calls=".count).prefix { $0.isNumber }) } ?? 0
    }

    /// The words of the last SET; SLOWLOG shortens those of more than 128 bytes.
    func lastSet() async throws -> [String]? {
        let entries = try await send("SLOWLOG", "GET", 20).array ?? []
        let commands = entries.compactMap { $0.array?[3].array?.compactMap(\.string) }
        return commands.first { $0.first == "SET" }
    }

    /// Puts what a .NET `ImHelper` wrote.
    func put(_ token: Token, _ value: String) async throws {
        _ = try await send("SET", "im_v2_wsToken\(token.text)", .string(value), "EX", "10")
    }
}

/// Runs `body` beside a server and a store that is ready.
func withTokenStore(
    _ arguments: [String] = [], keyPrefix: String = "", _ body: (RunningTokenStore, RedisServer) async throws -> Void
) async throws {
    try await withDirectory { directory in
        let server = try await RedisServer(["--slowlog-log-slower-than", "0"] + arguments, directory: directory)
        defer { server.end() }
        try await server.listens()
        var options = RedisOptions()
        options.url = server.url
        options.keyPrefix = keyPrefix
        options.commandTimeout = .milliseconds(2_000)
        let running = try RunningTokenStore(options)
        try await FreeIMTestSupport.running(running.store.services) {
            try await running.store.ready()
            try await body(running, server)
        }
    }
}
