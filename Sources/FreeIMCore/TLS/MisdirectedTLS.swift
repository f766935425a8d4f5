import NIOCore

/// Tells a TLS client that came to a listener in clear from a broken request. Leaves with the first bytes.
final class MisdirectedTLS: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let report: TLSFailures

    /// RFC 8446 §5.1: the type of a record with a part of a handshake, the first byte on any TLS connection and of no HTTP
    /// request.
    private static let handshake: UInt8 = 22

    init(report: TLSFailures) {
        self.report = report
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if unwrapInboundIn(data).readableBytesView.first == Self.handshake {
            report.report("TLS on a listener in clear", on: context.channel)
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
