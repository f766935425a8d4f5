import NIOCore

/// A connection that carries subscriptions: carries out what ``SubscriberState`` decides. On the channel's loop only.
final class SubscriberConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the connection tells its owner, on the loop.
    struct Events {
        /// All that is not the connection's own affair.
        var received: (SubscriberState.Action) -> Void
        /// No further reply is at hand.
        var burstEnded: () -> Void
        /// Once, last.
        var closed: (RedisError) -> Void
    }

    private let reader: ReplyReader
    private let timer: LoopTimer
    private var state: SubscriberState
    private var events: Events?
    private var context: ChannelHandlerContext?
    /// Why the connection ends; the first reason stands.
    private var reason: RedisError?

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, handshakeDeadline: NIODeadline,
        events: Events
    ) throws(RedisError) {
        reader = try ReplyReader(limits: configuration.replyLimits)
        timer = LoopTimer(eventLoop)
        state = SubscriberState(configuration, now: eventLoop.now, handshakeDeadline: handshakeDeadline)
        self.events = events
    }

    // MARK: Subscriptions

    /// Subscriptions can be made.
    var isReady: Bool { state.phase == .ready && reason == nil }
    /// Redis has confirmed everything.
    var isSettled: Bool { state.isSettled && reason == nil }
    var clientID: Int64? { state.clientID }

    /// Each is sent with the next ``flush()``.
    func subscribe(_ channels: [ByteBuffer]) {
        guard let context else { return }
        write(state.subscribe(channels, now: context.eventLoop.now))
    }

    func unsubscribe(_ channel: ByteBuffer) {
        guard let context else { return }
        write(state.unsubscribe(channel, now: context.eventLoop.now))
    }

    /// Before any ``subscribe(_:)``.
    func track(_ prefixes: [String], clientID: Int64) {
        guard let context else { return }
        write(state.track(prefixes, clientID: clientID, now: context.eventLoop.now))
    }

    func flush() {
        guard let context else { return }
        context.flush()
        timer.fire(noLaterThan: state.nextLook)
    }

    private func write(_ command: RedisCommand) {
        context?.write(wrapOutboundOut(command.encoded), promise: nil)
    }

    /// Ends the connection; `closed` follows.
    func close(_ error: RedisError) {
        if reason == nil { reason = error }
        context?.close(promise: nil)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer.start { [weak self] in self?.look() }
        context.write(wrapOutboundOut(state.greeting), promise: nil)
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
        self.context = nil
    }

    /// The single exit.
    private func finish() {
        guard let events else { return }
        self.events = nil
        timer.cancel()
        state.end()
        events.burstEnded()
        events.closed(reason ?? RedisError(.connectionLost, "Redis closed the connection"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(RedisError(.connectionLost, "the connection to Redis failed: \(error)", underlying: error))
    }

    // MARK: Messages

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard reason == nil else { return }
        do throws(RedisError) {
            try reader.read(unwrapInboundIn(data)) { value throws(RedisError) in
                switch state.received(value) {
                case .nothing: break
                case .end(let error): throw error
                case let action: events?.received(action)
                }
            }
        } catch {
            close(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        state.read(now: context.eventLoop.now)
        timer.fire(noLaterThan: state.nextLook)
        events?.burstEnded()
    }

    // MARK: Time

    private func look() {
        guard let context, reason == nil else { return }
        let now = context.eventLoop.now
        switch state.verdict(now: now) {
        case .fine: timer.fire(noLaterThan: state.nextLook)
        case .dead: close(RedisError(.timeout, "Redis is silent though it owes an answer"))
        case .ask:
            write(state.ping(now: now))
            flush()
        }
    }
}
