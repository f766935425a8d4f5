import NIOCore

/// Who speaks over a ``Wire``. Called on its event loop.
protocol WireUser: AnyObject {
    /// Redis has accepted the connection.
    func ready()
    /// - Throws: what makes the connection useless.
    func received(_ value: RedisValue) throws(RedisError)
    /// No further reply is at hand.
    func readEnded()
    /// The socket takes bytes again.
    func becameWritable()
    /// Answers are due.
    var isOwed: Bool { get }
    /// When ``look(now:)`` is to be called at the latest.
    var nextLook: NIODeadline { get }
    func look(now: NIODeadline)
    /// Redis is to be asked for a sign of life.
    func ping()
    /// Once: no answer will come any more; the socket may stand for a moment yet.
    func ended(_ reason: RedisError)
    /// Once, last.
    func closed(_ reason: RedisError)
}

/// A connection to Redis, whatever it carries: channel, reader, handshake, signs of life, and one end. Carries out what
/// ``Session`` decides. On the channel's event loop only.
final class Wire: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let reader: ReplyReader
    private let timer: LoopTimer
    private var session: Session
    /// Until the connection has closed.
    private var user: (any WireUser)?
    private var context: ChannelHandlerContext?
    /// Why the connection ends; the first reason stands.
    private var reason: RedisError?

    /// The user is told through ``start(_:)``.
    ///
    /// - Parameter sharesBytes: see ``ReplyReader/init(limits:sharesBytes:)``.
    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, handshakeDeadline: NIODeadline,
        sharesBytes: Bool = false
    ) throws(RedisError) {
        reader = try ReplyReader(limits: configuration.replyLimits, sharesBytes: sharesBytes)
        timer = LoopTimer(eventLoop)
        session = Session(configuration, now: eventLoop.now, handshakeDeadline: handshakeDeadline)
    }

    /// Before it is added to a channel.
    func start(_ user: any WireUser) {
        self.user = user
    }

    /// Redis has accepted the connection, and it stands.
    var isReady: Bool { session.phase == .ready }
    var isWritable: Bool { context?.channel.isWritable == true }
    var clientID: Int64? { session.clientID }

    /// Sent with the next ``flush()``; an answer is owed from now on.
    func write(_ bytes: ByteBuffer) {
        guard let context, reason == nil else { return }
        session.asked(now: context.eventLoop.now)
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    func flush() {
        context?.flush()
        setTimer()
    }

    /// Ends the connection; `ended` follows at once, and `closed` when the socket has closed: TLS takes its leave first.
    func close(_ error: RedisError) {
        guard reason == nil else { return }
        end(error)
        if let context { context.close(promise: nil) } else { finish() }
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer.start { [weak self] in self?.look() }
        write(session.greeting)
        flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish()
        self.context = nil
    }

    private func end(_ error: RedisError) {
        guard reason == nil else { return }
        reason = error
        timer.cancel()
        session.end()
        user?.ended(error)
    }

    /// The single exit.
    private func finish() {
        end(RedisError(.connectionLost, "Redis closed the connection"))
        guard let user, let reason else { return }
        self.user = nil
        user.closed(reason)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(RedisError(.connectionLost, "the connection to Redis failed: \(error)", underlying: error))
    }

    // MARK: Replies

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard reason == nil else { return }
        do throws(RedisError) {
            try reader.read(unwrapInboundIn(data)) { value throws(RedisError) in
                switch session.phase {
                case .ready: try user?.received(value)
                case .greeting: try greeted(value)
                case .over: break
                }
            }
        } catch {
            close(error)
        }
    }

    private func greeted(_ value: RedisValue) throws(RedisError) {
        switch session.greeted(value) {
        case .pending: break
        case .accepted: user?.ready()
        case .refused(let error): throw error
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard let user, reason == nil else { return }
        session.read(now: context.eventLoop.now, isOwed: user.isOwed)
        setTimer()
        user.readEnded()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { user?.becameWritable() }
    }

    // MARK: Time

    private func setTimer() {
        guard let user, reason == nil else { return }
        timer.fire(noLaterThan: session.phase == .greeting ? session.nextLook : min(session.nextLook, user.nextLook))
    }

    private func look() {
        guard let context, let user, reason == nil else { return }
        let now = context.eventLoop.now
        user.look(now: now)
        guard reason == nil else { return }
        switch session.verdict(now: now) {
        case .fine: setTimer()
        case .dead: close(RedisError(.timeout, "Redis is silent though it owes an answer"))
        case .ask:
            user.ping()
            flush()
        }
    }
}
