import NIOCore
import NIOPosix
@testable import RedisClient

/// A server that says what a test tells it to.
struct FakeServer {
    enum Answer: Sendable {
        case text(String)
        case late(String, TimeAmount)
        case silence
        /// Closes the connection after the text.
        case close(String)
    }

    /// The number of the connection, from 0, and the command.
    typealias Script = @Sendable (Int, [String]) -> Answer

    let port: Int

    var configuration: RedisClientConfiguration {
        var configuration = RedisClientConfiguration(endpoint: .tcp(host: "127.0.0.1", port: port))
        configuration.backoff.initial = .milliseconds(10)
        configuration.backoff.maximum = .milliseconds(50)
        return configuration
    }

    /// What Redis answers to a handshake; `other` to the rest.
    static func greeting(_ command: [String], other: Answer) -> Answer {
        switch command.first {
        case "CLIENT": .text(":7\r\n")
        case "PING": .text("+PONG\r\n")
        default: other
        }
    }
}

func withFakeServer(_ script: @escaping FakeServer.Script, body: (FakeServer) async throws -> Void) async throws {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let accepted = NIOLoopBoundBox.makeBoxSendingValue(Accepted(), eventLoop: loop)
    let channel = try await ServerBootstrap(group: loop)
        .childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                accepted.value.channels.append(channel)
                try channel.pipeline.syncOperations.addHandler(
                    FakeHandler(number: accepted.value.channels.count - 1, script: script))
            }
        }
        .bind(host: "127.0.0.1", port: 0).get()
    let result: Result<Void, any Error>
    do { result = .success(try await body(FakeServer(port: channel.localAddress?.port ?? 0))) } catch {
        result = .failure(error)
    }
    try await channel.close()
    try await loop.submit { for channel in accepted.value.channels { channel.close(promise: nil) } }.get()
    try result.get()
}

private final class Accepted {
    var channels: [any Channel] = []
}

private final class FakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let number: Int
    private let script: FakeServer.Script
    private var reader: ReplyReader?

    init(number: Int, script: @escaping FakeServer.Script) {
        self.number = number
        self.script = script
        reader = try? ReplyReader(limits: RedisReplyLimits())
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var commands: [[String]] = []
        try? reader?.read(unwrapInboundIn(data)) { value in
            commands.append(value.array?.compactMap(\.string) ?? [])
        }
        for command in commands {
            switch script(number, command) {
            case .text(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .late(let text, let delay):
                let channel = context.channel
                context.eventLoop.scheduleTask(in: delay) {
                    channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
                }
            case .silence: break
            case .close(let text):
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
                context.close(promise: nil)
            }
        }
    }
}
