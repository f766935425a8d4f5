import Metrics
import NIOCore
import NIOSSL

/// A terminal's open WebSocket: carries out what ``ConnectionState`` decides, and what its shard asks.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler, Connection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let gateway: GatewayContext
    private let shard: Shard
    private let place: SocketID
    private let identity: Identity
    /// With which messages are compressed, where permessage-deflate was agreed on.
    private let window: DeflateWindow?
    private var context: ChannelHandlerContext?
    /// The channel's socket, where it has one: this handler is the pipeline's only one, so that bytes go out as they are.
    private var handle: SocketHandle?
    private var state = ConnectionState()
    private var heartbeat: Heartbeat
    /// When this connection wants to be looked at next; what comes due at other moments is out of date.
    private var nextLook: Tick = 0
    private var isRegistered = true
    /// Whether the answer to the handshake has left; it waits, with all behind it, until presence knows the terminal, so
    /// that what the business does for a terminal that says it is connected finds it online.
    private var isAnswered = false
    /// Whether the handshake was answered with a refusal, by presence's decision.
    private var isRefused = false
    /// The code that ended the connection, whichever side gave it.
    private var closeCode: CloseCode?
    /// Messages that hooks have not dealt with yet.
    private var pendingInbound = 0
    private var isReadingPaused = false
    private var origin: SocketOrigin
    private var allowance: InboundAllowance
    /// When the message began that has not ended yet.
    private var unfinishedSince: Tick?
    /// Whether the channel may have been given something that it was not told to flush; so it is with the answer to the
    /// handshake.
    private var hasUnflushed = true
    /// What had been read when reading was paused: at most what the channel reads in one turn.
    private var backlog: ByteBuffer?

    /// Messages of one terminal under way in the hooks, beyond which its socket is not read.
    private static let maximumPendingInbound = 4

    init(
        gateway: GatewayContext, shard: Shard, place: SocketID, identity: Identity, origin: SocketOrigin,
        window: DeflateWindow? = nil
    ) {
        self.gateway = gateway
        self.shard = shard
        self.place = place
        self.identity = identity
        self.window = window
        self.heartbeat = Heartbeat(now: shard.now)
        self.origin = origin
        self.allowance = InboundAllowance(gateway.rates, now: shard.now)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        handle = Self.handle(of: context.pipeline.syncOperations)
        look(at: shard.now + gateway.presenceTicks)
        shard.open(place, self, identity: identity, agreement: agreement)
    }

    private var agreement: DeflateAgreement? {
        guard let window, let settings = gateway.deflate else { return nil }
        return DeflateAgreement(window: window, settings: settings)
    }

    /// None over TLS: what is sent past the TLS handler would not be encrypted.
    private static func handle(of pipeline: ChannelPipeline.SynchronousOperations) -> SocketHandle? {
        guard (try? pipeline.context(handlerType: NIOSSLServerHandler.self)) == nil else { return nil }
        return try? pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            SocketHandle(descriptor: $0)
        }
    }

    func answer() {
        guard !isAnswered, context != nil else { return }
        isAnswered = true
        gateway.metrics.opened.increment()
        if window != nil { gateway.deflate?.metrics.connections.increment() }
        flush()
        guard state.phase == .open else { return }
        heartbeat.begin(shard.now, headStart: headStart)
        look(at: shard.now &- headStart &+ gateway.pingTicks)
    }

    func refuse(_ refusal: ConnectionRefusal) {
        guard state.phase == .open, let context else { return }
        let answer = Refusal(refusal)
        guard !isAnswered, HandshakeAnswer.refuse(answer, context) else {
            return close(refusal.closeCode, reason: refusal.code)
        }
        isRefused = true
        state.abandon()
        gateway.metrics.countRefused(answer.status)
        look(at: shard.now + gateway.closeTicks)
    }

    /// From none to half an interval of pings, and evenly so whichever connections there are.
    private var headStart: Tick {
        Tick((UInt64(place.scattered) * UInt64(gateway.pingTicks / 2 + 1)) >> 32)
    }

    /// The descriptor is no longer ours.
    func channelInactive(context: ChannelHandlerContext) {
        shard.setHandle(nil, of: place)
        context.fireChannelInactive()
    }

    /// The single exit: whatever ended the connection, it leaves its shard here.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        state.abandon()
        guard isRegistered else { return }
        isRegistered = false
        if !isRefused {
            if !isAnswered { gateway.metrics.opened.increment() }
            gateway.metrics.countClosed(closeCode ?? .abnormal)
        }
        shard.remove(place, identity: identity)
        origin.leave()
        gateway.leave()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: From the terminal

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heartbeat.seen(shard.now)
        let bytes = unwrapInboundIn(data)
        mayTake(messages: 0, bytes: bytes.readableBytes, .bytesPerSecond)
        if var whole = backlog.take() {
            whole.writeImmutableBuffer(bytes)
            take(whole, context)
        } else {
            take(bytes, context)
        }
    }

    private func take(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        var bytes = bytes
        state.prepend(to: &bytes)
        while !isBehind {
            let codec = window == nil ? nil : shard.codec
            guard let action = state.next(&bytes, limits: gateway.limits, codec: codec) else { return watchMessage() }
            act(on: action, context)
        }
        unfinishedSince = nil
        backlog = bytes.readableBytes > 0 ? bytes : nil
    }

    /// False where the terminal has sent too much and is being closed; what comes behind is still looked through for its close
    /// frame.
    @discardableResult
    private func mayTake(messages: Int, bytes: Int, _ limit: GatewayMetrics.Limit) -> Bool {
        guard state.phase == .open,
            !allowance.take(messages: messages, bytes: bytes, gateway.rates, now: shard.now)
        else { return true }
        gateway.metrics.limited[limit]?.increment()
        close(.rateLimited, reason: "sends too much")
        return false
    }

    /// A message may take so long from its first byte to its last.
    private func watchMessage() {
        guard state.isWithinMessage, state.phase == .open else { return unfinishedSince = nil }
        guard unfinishedSince == nil else { return }
        unfinishedSince = shard.now
        let due = shard.now + gateway.messageTicks
        if isAnswered, due < nextLook { look(at: due) }
    }

    private func isMessageOverdue(_ now: Tick) -> Bool {
        unfinishedSince.map { now - $0 >= gateway.messageTicks } ?? false
    }

    /// Whether the hooks have to catch up before more of this terminal is taken; what a closing one sends is dropped.
    private var isBehind: Bool { pendingInbound >= Self.maximumPendingInbound && state.phase == .open }

    func channelReadComplete(context: ChannelHandlerContext) {
        if hasUnflushed || !shard.hasHandle(place) { flush() }
    }

    private func act(on action: ConnectionState.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .message(let opcode, let bytes):
            unfinishedSince = nil
            guard mayTake(messages: 1, bytes: 0, .messagesPerSecond) else { return }
            gateway.metrics.inbound.increment()
            receive(opcode, bytes, context)
        case .pong(let payload):
            guard mayTake(messages: 1, bytes: 0, .messagesPerSecond) else { return }
            write(Frame.make(.pong, payload, allocator: context.channel.allocator))
        case .pongReceived:
            break
        case .acknowledgeClose(let code):
            closeCode = code ?? .normal
            context.write(
                wrapOutboundOut(Frame.close(code, reason: "", allocator: context.channel.allocator)), promise: nil)
            endOutput(context)
        case .closed:
            endOutput(context)
        case .fail(let code, let reason):
            closeCode = code
            context.write(
                wrapOutboundOut(Frame.close(code, reason: reason, allocator: context.channel.allocator)), promise: nil)
            endOutput(context)
        }
    }

    private func receive(_ opcode: Frame.Opcode, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        switch gateway.inbound {
        case .discard: break
        case .echo: send(opcode, bytes, context)
        case .hook: hand(opcode, bytes, context)
        }
    }

    private func hand(_ opcode: Frame.Opcode, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard let inbound = gateway.node.inbound else { return }
        let message = InboundMessage(sender: identity, content: opcode == .text ? .text(bytes) : .binary(bytes))
        let bound = NIOLoopBound(self, eventLoop: shard.eventLoop)
        let eventLoop = shard.eventLoop
        let job = InboundPool.Job(message: message) { verdict in
            eventLoop.execute { bound.value.dealtWith(verdict) }
        }
        guard inbound.offer(job, from: place, shard: shard.number) else {
            return close(.tryAgainLater, reason: "the node cannot keep up with incoming messages")
        }
        pendingInbound += 1
        if pendingInbound >= Self.maximumPendingInbound { setReading(false, context) }
    }

    private func dealtWith(_ verdict: InboundVerdict) {
        pendingInbound -= 1
        guard let context else { return }
        switch verdict {
        case .next, .handled: break
        case .reply(let text):
            send(.text, ByteBuffer(string: text), context)
            flush()
        case .close(let code, let reason): close(code, reason: reason)
        }
        resume(context)
    }

    private func resume(_ context: ChannelHandlerContext) {
        guard isReadingPaused, !isBehind else { return }
        if let bytes = backlog.take() {
            take(bytes, context)
            flush()
        }
        if !isBehind { setReading(true, context) }
    }

    private func setReading(_ isOn: Bool, _ context: ChannelHandlerContext) {
        guard isReadingPaused == isOn else { return }
        isReadingPaused = !isOn
        heartbeat.excuse(shard.now)
        do {
            try context.channel.syncOptions?.setOption(.autoRead, value: isOn)
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: To the terminal

    /// A message of this connection's own, compressed where it is worth it.
    private func send(_ opcode: Frame.Opcode, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard state.phase == .open else { return }
        write(shard.encoded(Frame.make(opcode, bytes, allocator: context.channel.allocator), for: place))
    }

    func write(_ frames: ByteBuffer) {
        guard state.phase == .open, let context else { return }
        hasUnflushed = true
        context.write(wrapOutboundOut(frames), promise: nil)
    }

    func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>) {
        guard state.phase == .open, let context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        hasUnflushed = true
        context.write(wrapOutboundOut(frames), promise: promise)
    }

    /// The channel's high-water mark is the gateway's `max_pending`: what is not writable after a flush is slow.
    func flush() {
        guard let context, isAnswered || !context.channel.isWritable else { return }
        hasUnflushed = false
        context.flush()
        guard state.phase == .open else { return }
        guard context.channel.isWritable else { return close(.slowReceiver, reason: "reads too slowly") }
        shard.setHandle(hasWrittenAll(context) ? handle : nil, of: place)
    }

    /// Whether the kernel has taken all that the channel was given.
    private func hasWrittenAll(_ context: ChannelHandlerContext) -> Bool {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0
    }

    func close(_ code: CloseCode, reason: String) {
        guard state.close(), let context else { return }
        closeCode = code
        shard.setHandle(nil, of: place)
        context.writeAndFlush(
            wrapOutboundOut(Frame.close(code, reason: reason, allocator: context.channel.allocator)), promise: nil)
        look(at: shard.now + gateway.closeTicks)
        // So that the terminal's close frame is read.
        resume(context)
    }

    /// Our half is closed behind what is queued; the socket ends when the terminal closes its half, or is cut.
    /// (Closing it over unread input would reset it under the close frame; RFC 6455 §7.1.1.)
    private func endOutput(_ context: ChannelHandlerContext) {
        shard.setHandle(nil, of: place)
        context.flush()
        context.close(mode: .output, promise: nil)
        look(at: shard.now + gateway.closeTicks)
    }

    // MARK: ShardSocket

    func deadlineReached(now: Tick) -> Tick? {
        guard now == nextLook else { return nil }
        guard state.phase == .open else {
            abort()
            return nil
        }
        guard isAnswered else {
            gateway.metrics.openedUnstored.increment()
            answer()
            return nil
        }
        guard !isMessageOverdue(now) else {
            gateway.metrics.limited[.messageTimeout]?.increment()
            close(.policyViolation, reason: "a message took too long to come")
            return nil
        }
        guard let next = beat(now) else { return nil }
        nextLook = unfinishedSince.map { min(next, $0 + gateway.messageTicks) } ?? next
        return nextLook
    }

    /// When to look again; nil where the connection is closed.
    private func beat(_ now: Tick) -> Tick? {
        if isReadingPaused { heartbeat.excuse(now) }
        switch heartbeat.look(now, interval: gateway.pingTicks, pong: gateway.pongTicks) {
        case .wait(let tick): return tick
        case .ping(let next):
            shard.send(gateway.pingFrame, to: place)
            // Closed as a slow receiver, and looked at again when that has taken too long.
            return state.phase == .open ? next : nil
        case .dead:
            close(.heartbeatTimeout, reason: "no answer to a ping")
            return nil
        }
    }

    func goAway() {
        close(.goingAway, reason: gateway.departure.reason(for: place))
    }

    func abort() {
        context?.close(promise: nil)
    }

    private func look(at tick: Tick) {
        nextLook = tick
        shard.schedule(place, due: tick)
    }
}
