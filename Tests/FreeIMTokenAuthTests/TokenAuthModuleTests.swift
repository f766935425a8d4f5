import FreeIMCore
import FreeIMMemory
import FreeIMRedis
import FreeIMTokenAuth
import NIOPosix
import Testing

@Suite("The module auth.token")
struct TokenAuthModuleTests {
    private static let group = MultiThreadedEventLoopGroup.singleton
    private static let place = SourceLocation(file: "plugins.yaml", line: 1, column: 1)

    private func build(
        _ entries: [String: String] = [:], transport: (any Transport)? = nil
    ) throws -> (auth: any AuthHook, problems: [String]) {
        let pairs = entries.map { key, value in
            (key: key, keyLocation: Self.place, value: Section.Node(.scalar(value), at: Self.place))
        }
        var section = Section(
            owner: "auth.token", mapping: .init(.mapping(pairs), at: Self.place), at: Self.place)
        let build = ModuleFactory<any AuthHook>.token.read(&section)
        let problems = section.finish().map(\.message)
        let context = ModuleContext(
            id: ModuleID(role: .auth, type: "token"), logger: .silent, eventLoopGroup: Self.group,
            node: NodeIdentity(name: "a"), transport: transport)
        return (try build(context), problems)
    }

    private func services(_ auth: any AuthHook) -> Int? {
        (auth as? any RunsServices)?.services.count
    }

    private func issues(_ auth: any AuthHook) async throws {
        _ = try await #require(auth.issuer).issue(for: Identity(client: 1))
    }

    @Test("keeps tokens in memory where the transport has no Redis")
    func memory() async throws {
        let (auth, problems) = try build(transport: MemoryTransport(eventLoopGroup: Self.group))
        #expect(problems.isEmpty)
        #expect(services(auth) == 0)
        try await issues(auth)
    }

    @Test("shares the transport's Redis, and does not run it")
    func shared() async throws {
        var options = RedisOptions()
        options.commandTimeout = .milliseconds(50)
        options.url = "redis://127.0.0.1:1"
        let link = try RedisLink(options, eventLoop: Self.group.next(), logger: .silent)
        let (auth, _) = try build(transport: RedisTransport(node: nil, link: link, logger: .silent))
        #expect(services(auth) == 0)
        let error = await #expect(throws: CredentialError.self) { try await issues(auth) }
        #expect(error?.code == .unavailable)
    }

    @Test("runs a Redis of its own")
    func own() async throws {
        let (auth, problems) = try build(
            ["url": "redis://127.0.0.1:1", "command_timeout": "50ms", "key_prefix": "im:"],
            transport: MemoryTransport(eventLoopGroup: Self.group))
        #expect(problems.isEmpty)
        #expect(services(auth) == 1)
        let error = await #expect(throws: CredentialError.self) { try await issues(auth) }
        #expect(error?.code == .unavailable)
    }

    @Test("options of a Redis without its url are a mistake")
    func withoutURL() throws {
        let problems = try build(["key_prefix": "im:"]).problems
        #expect(problems == ["auth.token is told of a Redis of its own, but not where it is; set 'url'"])
    }

    @Test("a url that cannot be used is a mistake, and no message holds its password")
    func invalidURL() throws {
        var section = Section(
            owner: "auth.token",
            mapping: .init(
                .mapping([("url", Self.place, .init(.scalar("http://:hunter2@host"), at: Self.place))]),
                at: Self.place), at: Self.place)
        _ = ModuleFactory<any AuthHook>.token.read(&section)
        let problems = section.finish()
        #expect(problems.count == 1)
        #expect(problems.allSatisfy { $0.message.contains("'url' of auth.token") && !$0.message.contains("hunter2") })
    }
}
