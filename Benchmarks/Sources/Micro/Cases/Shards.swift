import NIOCore
import NIOEmbedded

@testable import FreeIMCore

extension Benchmark {
    static var shards: [Benchmark] {
        let room = Sample.channel("room")
        let frames = Frame.make(.text, Sample.message, allocator: ByteBufferAllocator())
        return [
            burst("shard, one buffer to a channel of 1,000", deliveries: 1_000) {
                [.deliver(Delivery(audience: .channel(room), frames: frames))]
            },
            burst("shard, one buffer to everyone, 1,000", deliveries: 1_000) {
                [.deliver(Delivery(audience: .everyone, frames: frames))]
            },
            burst("shard, 256 buffers to one client each", deliveries: 256) {
                (0..<256).map { .deliver(Delivery(audience: .client(ClientID(Int64($0))), frames: frames)) }
            },
            burst("shard, one buffer to one client", deliveries: 1) {
                [.deliver(Delivery(audience: .client(7), frames: frames))]
            },
        ]
    }

    /// One burst, in a shard of 1,000 connections that do nothing.
    private static func burst(
        _ name: String, deliveries: Int, _ commands: @escaping () -> [ShardCommand]
    ) -> Benchmark {
        Benchmark(name, per: "delivery", operations: deliveries) {
            let shard = Shard(eventLoop: EmbeddedEventLoop(), number: 0)
            for client in 0..<1_000 {
                let connection = NoConnection()
                shard.open(shard.admit(connection), connection, identity: Identity(client: ClientID(Int64(client))))
            }
            let joined = (0..<1_000).map {
                ShardCommand.apply(
                    MembershipChange(.joined, client: ClientID(Int64($0)), channels: [Sample.channel("room")]))
            }
            _ = shard.carryOut(joined)
            let commands = commands()
            return {
                let count = shard.carryOut(commands)
                guard count == deliveries else { fatalError("\(count) of \(deliveries) deliveries") }
            }
        }
    }
}

private final class NoConnection: Connection {
    func deadlineReached(now: Tick) -> Tick? { nil }
    func goAway() {}
    func abort() {}
    func write(_ frames: ByteBuffer) {}
    func write(_ frames: ByteBuffer, of channel: ChannelName) {}
    func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>) { promise.succeed() }
    func flush() {}
    func answer() {}
    func close(_ code: CloseCode, reason: String) {}
    var slowReceiver: SlowReceiver? { nil }
    func refuse(_ refusal: ConnectionRefusal) {}
}
