import FreeIMTestSupport
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A TCP connection that says what a test says.
final class RawSocket: Sendable {
    private let channel: any Channel
    private let log: Received

    /// Shared by the handler and the test.
    private final class Received: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let bytes = NIOLockedValueBox<[UInt8]>([])

        var all: [UInt8] { bytes.withLockedValue { $0 } }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let more = unwrapInboundIn(data).readableBytesView
            bytes.withLockedValue { $0 += more }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }

    init(port: Int) async throws {
        let log = Received()
        self.log = log
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { $0.pipeline.addHandler(log) }
            .connect(host: "127.0.0.1", port: port).get()
    }

    deinit {
        channel.close(promise: nil)
    }

    var received: [UInt8] { log.all }

    /// Bytes for a socket that the other side has closed meanwhile are lost.
    func send(_ bytes: [UInt8]) async throws {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Whether the other side closes within the time.
    func isClosed(within time: Duration) async throws -> Bool {
        do {
            try await eventually(within: time) { !channel.isActive }
            return true
        } catch is NotWithin {
            return false
        }
    }
}
