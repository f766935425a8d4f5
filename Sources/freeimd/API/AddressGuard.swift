import FreeIMCore
import Hummingbird
import NIOCore

/// Between a socket's TLS and its HTTP: counts the socket under its address. One too many gets 429 for whatever it asks, and
/// ends soon.
final class AddressGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// `waiting` -> `admitted`, or -> `refused` -> `answered`, which end with the socket.
    private enum State {
        case waiting, admitted, refused, answered
    }

    private let addresses: Addresses
    private var state = State.waiting
    private var counted: IPAddress?
    private var end: Scheduled<Void>?

    /// From the accept of a socket too many to its end.
    private static let patience = TimeAmount.seconds(2)

    init(_ addresses: Addresses) {
        self.addresses = addresses
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { enter(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        enter(context)
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end?.cancel()
        if let counted { addresses.leave(counted) }
    }

    private func enter(_ context: ChannelHandlerContext) {
        guard case .waiting = state else { return }
        state = .admitted
        guard let (address, isTooMany) = addresses.enter(context.channel.remoteAddress) else { return }
        counted = address
        guard isTooMany else { return }
        state = .refused
        // Only of a socket that is refused; ends with it. Neither this nor the context is Sendable; both are of this loop,
        // which is checked.
        end = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .waiting, .admitted:
            context.fireChannelRead(data)
        case .refused:
            state = .answered
            answer(context)
        case .answered:
            break
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        let fault = APIFault.tooManyConnections(limit: addresses.policy.connectionsPerAddress)
        guard let body = try? fault.answer.text() else { return context.close(promise: nil) }
        var bytes = ByteBuffer(string: "HTTP/1.1 \(fault.status.code) \(fault.status.reasonPhrase)\r\n")
        for field in fault.headers { bytes.writeString("\(field.name): \(field.value)\r\n") }
        bytes.writeString(
            "Content-Type: application/json\r\nContent-Length: \(body.readableBytes)\r\nConnection: close\r\n\r\n")
        bytes.writeImmutableBuffer(body)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        // Only our half: closing the socket over unread input would reset it under the answer.
        context.close(mode: .output, promise: nil)
    }
}
