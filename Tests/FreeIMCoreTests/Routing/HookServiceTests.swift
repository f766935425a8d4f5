import FreeIMMemory
import FreeIMTestSupport
import NIOPosix
import ServiceLifecycle
import Testing

@testable import FreeIMCore

@Suite("Node: services of hooks")
struct HookServiceTests {
    private final class Connection: Service {
        func run() async throws {}
    }

    private struct Hook: AuthHook, RunsServices {
        let services: [any Service]

        func authenticate(_ request: ConnectRequest) async throws -> AuthDecision { .abstain }
    }

    private struct PlainHook: AuthHook {
        func authenticate(_ request: ConnectRequest) async throws -> AuthDecision { .abstain }
    }

    @Test("what hooks run stands between the bus and the node")
    func order() throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let connections = [Connection(), Connection()]
        let node = try Node(
            NodeConfiguration(
                identity: NodeIdentity(name: "a"), transport: MemoryTransport(eventLoopGroup: group),
                presence: NoPresence(),
                authHooks: [Hook(services: [connections[0]]), PlainHook(), Hook(services: [connections[1]])],
                eventLoopGroup: group, logger: .silent))
        let services = node.services()
        #expect(services.count == 5)
        #expect(services[2] as? Connection === connections[0])
        #expect(services[3] as? Connection === connections[1])
        #expect(services[4] as? Node === node)
    }
}
