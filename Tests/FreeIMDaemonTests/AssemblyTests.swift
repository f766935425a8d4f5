import Foundation
import FreeIMCore
import NIOPosix
import Testing

@testable import FreeIMDaemon

@Suite struct AssemblyTests {
    @Test("Environment variables, their defaults and escapes are put in before anything is read")
    func variables() throws {
        let assembly = try assemble("with-variables", environment: ["NAME": "n1", "PORT": ""])
        #expect(assembly.node.identity.name == "n1")
        #expect(assembly.node.identity.servers == ["n1"])
        #expect(assembly.node.identity.publicURL == "ws://im.test/ws")
        #expect(assembly.node.configuration.direct?.deliveredText == "costs ${5}")
    }

    @Test("Without a name and servers the node is called by the gateway's address, alone")
    func names() throws {
        let identity = try assemble("fine").node.identity
        #expect(identity == NodeIdentity(name: "127.0.0.1:6001", servers: ["127.0.0.1:6001"], path: "/ws"))
    }

    @Test("Services are in the order that stops the gateway first and the bus last")
    func order() throws {
        let assembly = try assemble("fine")
        #expect(
            assembly.services.map(\.id) == ["transport.memory", "presence.memory", "node", "gateway.websocket"])
    }

    @Test("A hook's own services start before the node and stop behind it, under the hook's name")
    func hookServices() throws {
        let assembly = try assemble("own-redis")
        #expect(
            assembly.services.map(\.id)
                == [
                    "transport.redis", "presence.memory", "auth.token", "auth.token/partners", "node",
                    "gateway.websocket",
                ])
    }

    @Test("Modules are built with a logger and a context of their own")
    func context() throws {
        var catalog = ModuleCatalog.standard
        catalog.presenceHooks = [
            ModuleFactory("memory", "Looks at its context", configuration: NoConfiguration.self) {
                (_, context) throws(ModuleError) in
                guard context.id.description == "presence.memory", context.transport != nil else {
                    throw ModuleError(.missingModule, "has no transport")
                }
                throw ModuleError(.conflict, "was built")
            }
        ]
        let errors = #expect(throws: ManifestErrors.self) { try assemble("fine", catalog: catalog) }
        #expect(errors?.problems.map(\.message) == ["presence.memory was built"])
    }

    @Test("Every key of every module is described with its meaning", arguments: ["node"] + Self.ids)
    func reference(_ id: String) throws {
        let lines = try #require(ModuleReference(catalog: .standard).describe(id))
        #expect(lines.count > 2)
        #expect(lines.allSatisfy { !$0.hasSuffix(":") })
    }

    static let ids = [
        "gateway.websocket", "transport.memory", "transport.redis", "auth.token", "auth.jwt", "auth.anonymous",
        "presence.memory", "feature.direct", "feature.channels", "feature.event_bus", "api.http", "auth.token/partners",
    ]

    private func assemble(
        _ fixture: String, environment: [String: String] = [:], catalog: ModuleCatalog = .standard
    ) throws -> Assembly {
        let file = try #require(
            Bundle.module.url(forResource: fixture, withExtension: "yaml", subdirectory: "Fixtures"))
        var reader = ManifestReader(file: "\(fixture).yaml", environment: environment)
        let root = try #require(reader.read(try String(contentsOf: file, encoding: .utf8)))
        let plan = try Assembler(catalog: catalog).plan(
            Manifest(root, file: "\(fixture).yaml"), further: reader.problems)
        return try Assembly(plan, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .silent)
    }
}
