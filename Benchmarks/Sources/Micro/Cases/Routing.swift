import FreeIMMemory
import Logging
import NIOCore
import NIOEmbedded

@testable import FreeIMCore

extension Benchmark {
    /// From the bodies of one burst to commands for the shards, which are dropped.
    static var routing: [Benchmark] {
        [
            burst("router, 256 to one client each") {
                Sample.direct(to: [ClientID(Int64($0))], Sample.message)
            },
            burst("router, 256 to one client each, GUIDs") {
                Sample.direct(to: [Sample.guid($0)], from: Sample.guid(1_000), Sample.json(bytes: 150))
            },
            burst("router, 256 to the same client") { _ in Sample.direct(to: [7], Sample.message) },
            burst("router, 256 to the same channel") { _ in
                .channel(sender: 1_000_001, channel: Sample.channel("room"), payload: Sample.message)
            },
        ]
    }

    private static func burst(_ name: String, _ envelope: @escaping (Int) -> Envelope) -> Benchmark {
        Benchmark(name, operations: 256) {
            let bodies = (0..<256).map { EnvelopeCodec.encode(envelope($0)) }
            let dropped = Dropped()
            let router = router { dropped.commands += $1.count }
            for client in 0..<256 {
                for client in [ClientID(Int64(client)), Sample.guid(client)] {
                    router.apply(
                        ShardChange(
                            kind: .opened, identity: Identity(client: client),
                            socket: SocketID(index: 0, generation: 0), remains: true),
                        shard: 0)
                }
            }
            return {
                for body in bodies { router.receive(body) }
                router.burstEnded()
                guard dropped.commands > 0 else { fatalError("'\(name)' reached no shard") }
                dropped.commands = 0
            }
        }
    }

    private final class Dropped {
        var commands = 0
    }

    private static func router(dispatch: @escaping (Int, [ShardCommand]) -> Void) -> Router {
        let loop = EmbeddedEventLoop()
        let identity = NodeIdentity(name: "a")
        let transport = MemoryTransport(eventLoopGroup: loop)
        let configuration = NodeConfiguration(
            identity: identity, transport: transport,
            presence: MemoryPresence(identity: identity, transport: transport), authHooks: [],
            features: [DirectMessages(), Channels()], eventLoopGroup: loop, logger: Logger(label: "micro"))
        return Router(
            configuration: configuration, metrics: NodeMetrics(), eventLoop: loop, shards: 1, dispatch: dispatch)
    }
}
