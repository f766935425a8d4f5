import Metrics
import NIOCore
import NIOSSL

/// A terminal's open WebSocket: carries out what ``ConnectionState`` decides, and what its shard asks.
final class ConnectionHandler: ChannelInboundHandler, RemovableChannelHandler, Connection {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let gateway: GatewayContext
    let shard: Shard
    let place: SocketID
    let identity: Identity
    /// With which messages are compressed, where permessage-deflate was agreed on.
    let window: DeflateWindow?
    private(set) var context: ChannelHandlerContext?
    /// The channel's socket, where it has one: this handler is the pipeline's only one, so that bytes go out as they are.
    private(set) var handle: SocketHandle?
    var state = ConnectionState()
    var heartbeat: Heartbeat
    /// When this connection wants to be looked at next; what comes due at other moments is out of date.
    var nextLook: Tick = 0
    private var isRegistered = true
    /// Whether the answer to the handshake has left; it waits, with all behind it, until presence knows the terminal, so
    /// that what the business does for a terminal that says it is connected finds it online.
    var isAnswered = false
    /// Whether the handshake was answered with a refusal, by presence's decision.
    private var isRefused = false
    /// The code that ended the connection, whichever side gave it.
    var closeCode: CloseCode?
    /// Messages that hooks have not dealt with yet.
    var pendingInbound = 0
    var isReadingPaused = false
    private var origin: SocketOrigin
    var allowance: InboundAllowance
    /// When the message began that has not ended yet.
    var unfinishedSince: Tick?
    /// Whether the channel may have been given something that it was not told to flush; so it is with the answer to the
    /// handshake.
    var hasUnflushed = true
    /// Bytes given to the channel since its last flush.
    var unflushedBytes = 0
    /// What waits for a terminal that reads too slowly; nil where none ever has.
    var outbox: Outbox?
    /// What had been read when reading was paused: at most what the channel reads in one turn.
    var backlog: ByteBuffer?

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
        dropWaiting()
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

    // MARK: Its end

    func close(_ code: CloseCode, reason: String) {
        guard state.close(), let context else { return }
        closeCode = code
        shard.setHandle(nil, of: place)
        if code == .slowReceiver { dropWaiting() } else { writeWaiting(context) }
        context.writeAndFlush(
            wrapOutboundOut(Frame.close(code, reason: reason, allocator: context.channel.allocator)), promise: nil)
        look(at: shard.now + gateway.closeTicks)
        // So that the terminal's close frame is read.
        resume(context)
    }

    /// Our half is closed behind what is queued; the socket ends when the terminal closes its half, or is cut.
    /// (Closing it over unread input would reset it under the close frame; RFC 6455 §7.1.1.)
    func endOutput(_ context: ChannelHandlerContext) {
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
        guard outbox?.deadline.map({ now < $0 }) ?? true else {
            close(.slowReceiver, reason: "reads too slowly")
            return nil
        }
        guard let next = beat(now) else { return nil }
        nextLook = min(next, unfinishedSince.map { $0 + gateway.messageTicks } ?? next, outbox?.deadline ?? next)
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
        guard let context else { return }
        // The kernel would keep for minutes what such a terminal does not read (tcp(7), tcp_orphan_retries). Where the option
        // cannot be set, it does.
        if closeCode == .slowReceiver, let socket = context.channel as? any SocketOptionProvider {
            // `struct linger` of socket(7), whose members SwiftNIO does not export.
            let linger: (l_onoff: CInt, l_linger: CInt) = (1, 0)
            _ = socket.unsafeSetSocketOption(level: .socket, name: .so_linger, value: linger)
        }
        context.close(promise: nil)
    }

    func look(at tick: Tick) {
        nextLook = tick
        shard.schedule(place, due: tick)
    }
}
