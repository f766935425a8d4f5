import NIOCore
import NIOSSL
import NIOTLS

/// Stands behind a socket's TLS handler until the TLS handshake is over: reports one that fails, and cuts at once where
/// the handlers behind it would take leave, which nobody could read yet.
final class TLSOpening: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never

    private let report: TLSFailures
    private let deadline: TimeAmount?
    private var cut: Scheduled<Void>?
    private var isOver = false

    init(report: TLSFailures, deadline: TimeAmount?) {
        self.report = report
        self.deadline = deadline
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard let deadline else { return }
        // A timer of its own, since only the HTTP API, which has no clock for its sockets, asks for one; it ends with the
        // handshake. Neither this nor the context is Sendable; both are of this loop, which is checked.
        cut = context.eventLoop.assumeIsolated().scheduleTask(in: deadline) { self.fail(context, "it took too long") }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        cut?.cancel()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard case .handshakeCompleted = event as? TLSUserEvent else { return }
        isOver = true
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(context, Self.reason(error), error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else { return context.write(data, promise: promise) }
        promise?.fail(ChannelError.ioOnClosedChannel)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard !isOver else { return context.close(mode: mode, promise: promise) }
        isOver = true
        report.report("cut before it was over", on: context.channel)
        context.close(promise: promise)
    }

    private func fail(_ context: ChannelHandlerContext, _ reason: String, _ error: (any Error)? = nil) {
        guard !isOver else { return }
        isOver = true
        report.report(reason, on: context.channel, error)
        context.close(promise: nil)
    }

    /// BoringSSL's reasons in words for people; they come as text alone.
    private static func reason(_ error: any Error) -> String {
        let text = "\(error)"
        return reasons.first { text.contains($0.mark) }?.reason ?? "see the error"
    }

    private static let reasons = [
        (mark: "HTTP_REQUEST", reason: "an HTTP request without TLS"),
        (mark: "WRONG_VERSION_NUMBER", reason: "something else than TLS"),
        (mark: "UNSUPPORTED_PROTOCOL", reason: "no version of TLS in common"),
        (mark: "PEER_DID_NOT_RETURN_A_CERTIFICATE", reason: "no client certificate"),
        (mark: "CERTIFICATE_VERIFY_FAILED", reason: "a client certificate that no authority signed, or that has ended"),
        (mark: "EOF during handshake", reason: "the client left"),
    ]
}
