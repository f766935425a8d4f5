import FreeIMAPI
import FreeIMCore
import Testing

@Suite("Configuration")
struct ConfigurationTests {
    @Test("Every key of the manifest is read")
    func keys() {
        var section = Self.section([
            ("listen", .scalar("127.0.0.1:7000")), ("keys", .list([Self.node(.scalar("0123456789abcdef"))])),
            ("max_body", .scalar("64KiB")), ("max_page", .scalar("50")), ("max_connections", .scalar("9")),
            ("request_timeout", .scalar("5s")), ("demo", .scalar("true")), ("demo_allow_remote", .scalar("true")),
            ("connections_per_address", .scalar("200")), ("denials_per_address", .scalar("60")),
            ("exempt_addresses", .list([])), ("trusted_proxies", .list([Self.node(.scalar("10.0.0.0/8"))])),
        ])
        var configuration = HTTPAPIConfiguration()
        configuration.read(from: &section)
        #expect(section.finish() == [])
        #expect(configuration.listen == ListenAddress(host: "127.0.0.1", port: 7_000))
        #expect(configuration.keys == ["0123456789abcdef"])
        #expect(configuration.maxBody == ByteCount(65_536))
        #expect(configuration.maxPage == 50)
        #expect(configuration.maxConnections == 9)
        #expect(configuration.requestTimeout == .seconds(5))
        #expect(configuration.addresses.connectionsPerAddress == 200)
        #expect(configuration.addresses.denialsPerAddress == 60)
        #expect(configuration.addresses.exemptAddresses == [])
        #expect(configuration.addresses.trustedProxies == [AddressRange(sectionText: "10.0.0.0/8")])
        #expect(configuration.demo && configuration.demoAllowRemote)
    }

    @Test("A short key in the manifest is a mistake, and not repeated")
    func shortKey() throws {
        var section = Self.section([("keys", .scalar("hunter2"))])
        var configuration = HTTPAPIConfiguration()
        configuration.read(from: &section)
        let mistake = try #require(section.finish().first)
        #expect(mistake.message.contains("fewer than 16 characters"))
        #expect(!mistake.message.contains("hunter2"))
    }

    @Test("The factory is called http")
    func factory() {
        let factory = ModuleFactory<any Feature>.httpAPI
        #expect(factory.type == "http")
    }

    private static func node(_ value: Section.Node.Value) -> Section.Node {
        Section.Node(value, at: SourceLocation(file: "plugins.yaml", line: 1, column: 1))
    }

    private static func section(_ pairs: [(String, Section.Node.Value)]) -> Section {
        let location = SourceLocation(file: "plugins.yaml", line: 1, column: 1)
        let mapping = pairs.map { (key: $0.0, keyLocation: location, value: node($0.1)) }
        return Section(owner: "api.http", mapping: node(.mapping(mapping)), at: location)
    }
}
