import NIOCore

/// In front of all other handlers of a socket that a trusted proxy has opened: takes off what the proxy says, tells it by the
/// event ``ProxyHeader`` and leaves. A socket that begins otherwise is closed.
///
/// It keeps no deadline: that of the handshake behind it runs already.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let onMalformed: () -> Void
    private var begun = ByteBuffer()
    private var isDone = false

    init(onMalformed: @escaping () -> Void) {
        self.onMalformed = onMalformed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDone else { return }
        begun.writeImmutableBuffer(unwrapInboundIn(data))
        do throws(ProxyHeader.Malformed) {
            guard let header = try ProxyHeader.read(&begun) else { return }
            isDone = true
            context.fireUserInboundEventTriggered(header)
            let rest = begun
            begun = ByteBuffer()
            if rest.readableBytes > 0 {
                context.fireChannelRead(wrapInboundOut(rest))
                context.fireChannelReadComplete()
            }
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        } catch {
            isDone = true
            onMalformed()
            context.close(promise: nil)
        }
    }
}
