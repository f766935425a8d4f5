import NIOCore
import NIOHTTP1

/// Holds the answer to a handshake, with all that is written behind it, until the first flush: by then presence knows the
/// terminal, or it is let in without. Until then the answer can still become a refusal.
final class HandshakeAnswer: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = HTTPServerResponsePart

    private let head: HTTPResponseHead
    private let encoder: HTTPResponseEncoder
    /// Bytes that wait, beyond which the answer leaves at once, as if presence knew the terminal.
    private let limit: Int
    private var waiting: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var waitingBytes = 0

    /// - Parameter encoder: in front of this handler; both leave the pipeline with the answer.
    init(_ head: HTTPResponseHead, encoder: HTTPResponseEncoder, limit: Int) {
        self.head = head
        self.encoder = encoder
        self.limit = limit
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = unwrapOutboundIn(data)
        waiting.append((bytes, promise))
        waitingBytes += bytes.readableBytes
        if waitingBytes > limit { release(context) }
    }

    func flush(context: ChannelHandlerContext) {
        // The write is first, so that the flush finds it.
        release(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for entry in waiting { entry.promise?.fail(ChannelError.ioOnClosedChannel) }
        waiting = []
    }

    private func release(_ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        _ = pipeline.removeHandler(encoder)
        let bytes = waiting
        waiting = []
        for entry in bytes { context.write(NIOAny(entry.bytes), promise: entry.promise) }
        context.flush()
        _ = pipeline.removeHandler(self)
    }

    /// Answers with a refusal in place of what was held, and closes our half; false where the answer has left.
    static func refuse(_ refusal: Refusal, _ context: ChannelHandlerContext) -> Bool {
        guard let answer = try? context.pipeline.syncOperations.context(handlerType: HandshakeAnswer.self) else {
            return false
        }
        for part in refusal.answer { answer.write(NIOAny(part), promise: nil) }
        answer.flush()
        answer.close(mode: .output, promise: nil)
        return true
    }
}
