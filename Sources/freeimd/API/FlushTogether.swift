import NIOCore

/// Sends the answers of one turn of the event loop behind each other: who waits for them is woken once.
final class FlushTogether: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = Never

    private var isDue = false

    func flush(context: ChannelHandlerContext) {
        guard !isDue else { return }
        isDue = true
        // Neither this nor the context is Sendable; both are of this loop, which is checked.
        context.eventLoop.assumeIsolated().execute { self.flushNow(context) }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        flushNow(context)
        context.close(mode: mode, promise: promise)
    }

    private func flushNow(_ context: ChannelHandlerContext) {
        guard isDue else { return }
        isDue = false
        context.flush()
    }
}
