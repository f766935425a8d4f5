import NIOCore

/// A connection that carries commands: carries out what ``CommandState`` decides. On the channel's event loop only.
final class CommandConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the connection tells its owner, on the loop.
    struct Events {
        var ready: () -> Void
        /// Replies came in, or the socket takes bytes again.
        var room: () -> Void
        /// Once, last. All receivers have been told.
        var closed: (RedisError) -> Void
    }

    private let reader: ReplyReader
    private let timer: LoopTimer
    private let maxInFlight: Int
    private var state: CommandState<Submission.Receiver>
    private var events: Events?
    private var context: ChannelHandlerContext?
    /// Why the connection ends; the first reason stands.
    private var reason: RedisError?
    /// Commands of this tick, for one write.
    private var batch = ByteBuffer()

    /// Bytes from which on a batch is handed to the channel.
    private static let batchBytes = 64 << 10
    private static let ping = RedisCommand("PING").encoded

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, handshakeDeadline: NIODeadline,
        events: Events
    ) throws(RedisError) {
        reader = try ReplyReader(limits: configuration.replyLimits)
        timer = LoopTimer(eventLoop)
        maxInFlight = configuration.maxInFlight
        state = CommandState(configuration, now: eventLoop.now, handshakeDeadline: handshakeDeadline)
        self.events = events
    }

    // MARK: Commands

    /// False while commands have to wait.
    var hasRoom: Bool {
        state.phase == .ready && reason == nil && state.inFlight < maxInFlight && context?.channel.isWritable == true
    }

    var isReady: Bool { state.phase == .ready && reason == nil }
    var isIdle: Bool { state.isIdle }
    var clientID: Int64? { state.clientID }

    /// Sends with the next ``flush()``.
    func write(_ submission: Submission) {
        write(submission.bytes, submission.receiver, count: submission.count, deadline: submission.deadline)
    }

    /// As above, and the replies are dropped.
    func write(_ command: RedisCommand) {
        write(command.encoded, nil, count: 1, deadline: nil)
    }

    private func write(_ bytes: ByteBuffer, _ receiver: Submission.Receiver?, count: Int, deadline: NIODeadline?) {
        guard let context else { return }
        state.send(receiver, count: count, deadline: deadline, now: context.eventLoop.now)
        if batch.readableBytes == 0 { batch = bytes } else { batch.writeImmutableBuffer(bytes) }
        if batch.readableBytes >= Self.batchBytes { writeBatch(context) }
    }

    func flush() {
        guard let context else { return }
        writeBatch(context)
        context.flush()
        timer.fire(noLaterThan: state.nextLook)
    }

    private func writeBatch(_ context: ChannelHandlerContext) {
        guard batch.readableBytes > 0 else { return }
        context.write(wrapOutboundOut(batch), promise: nil)
        batch = ByteBuffer()
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
        batch.writeImmutableBuffer(state.greeting)
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
        let reason = reason ?? RedisError(.connectionLost, "Redis closed the connection")
        let lost = RedisError(
            .connectionLost, "the connection to Redis ended before the reply: \(reason.message)", underlying: reason)
        for receiver in state.end() { receiver.fail(lost) }
        events.closed(reason)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(RedisError(.connectionLost, "the connection to Redis failed: \(error)", underlying: error))
    }

    // MARK: Replies

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard reason == nil else { return }
        do throws(RedisError) {
            try reader.read(unwrapInboundIn(data)) { value throws(RedisError) in
                switch state.received(value) {
                case .nothing: break
                case .ready: events?.ready()
                case .reply(let receiver, let value): receiver.succeed(value)
                case .replies(let receiver, let values): receiver.succeed(values)
                case .end(let error): throw error
                }
            }
        } catch {
            close(error)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        state.read(now: context.eventLoop.now)
        timer.fire(noLaterThan: state.nextLook)
        events?.room()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { events?.room() }
    }

    // MARK: Time

    private func look() {
        guard let context, reason == nil else { return }
        let now = context.eventLoop.now
        let late = state.takeExpired(now: now)
        if !late.isEmpty {
            let error = RedisError(.timeout, "Redis did not answer before the command's deadline")
            for receiver in late { receiver.fail(error) }
            events?.room()
        }
        switch state.verdict(now: now) {
        case .fine: timer.fire(noLaterThan: state.nextLook)
        case .dead: close(RedisError(.timeout, "Redis is silent though it owes an answer"))
        case .ask:
            write(Self.ping, nil, count: 1, deadline: nil)
            flush()
        }
    }
}
