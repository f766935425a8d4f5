import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// Takes a socket from its accept to the opened WebSocket, or to the HTTP answer that says why not.
final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler, ShardSocket {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// `reading` -> `waiting` -> `authenticating` -> `done`, or from any `refused`, which ends with the socket.
    private enum State {
        case reading
        /// In the ``AdmissionQueue``, with a complete request.
        case waiting(HTTPRequestHead)
        /// The task ends by itself, or is cancelled when its outcome is no longer wanted.
        case authenticating(Task<Void, Never>)
        case refused
        case done
    }

    private let gateway: GatewayContext
    private let shard: Shard
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private let encoder: HTTPResponseEncoder
    private let admissions: AdmissionQueue
    private var state = State.reading
    private var context: ChannelHandlerContext?
    private var place: SocketID?
    private var origin: SocketOrigin
    /// When the whole handshake must be over.
    private var handshakeDeadline: Tick = 0
    /// When this handshake wants to be looked at next; what comes due at other moments is out of date.
    private var nextLook: Tick = 0

    init(
        gateway: GatewayContext, shard: Shard, decoder: ByteToMessageHandler<HTTPRequestDecoder>,
        encoder: HTTPResponseEncoder
    ) {
        self.gateway = gateway
        self.shard = shard
        self.decoder = decoder
        self.encoder = encoder
        self.admissions = gateway.admissions(of: shard)
        self.origin = SocketOrigin(limits: gateway.addresses)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let place = shard.admit(self)
        self.place = place
        handshakeDeadline = shard.now + gateway.handshakeTicks
        look(at: handshakeDeadline)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        guard case .done = state else {
            if case .authenticating(let task) = state { task.cancel() }
            leave()
            return
        }
    }

    private func leave() {
        guard let place else { return }
        self.place = nil
        shard.remove(place, identity: nil)
        origin.leave()
        gateway.leave()
    }

    // MARK: Whose it is

    func channelActive(context: ChannelHandlerContext) {
        if !gateway.expectsProxyHeader(from: context.channel.remoteAddress) {
            originFound(context.channel.remoteAddress)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard let header = event as? ProxyHeader else { return context.fireUserInboundEventTriggered(event) }
        switch header {
        case .proxied(let address): originFound(address)
        case .local: originFound(context.channel.remoteAddress)
        }
    }

    private func originFound(_ peer: SocketAddress?) {
        if let address = peer.flatMap({ IPAddress($0) }) { originFound(address) }
    }

    private func originFound(_ address: IPAddress) {
        guard let verdict = origin.found(address, gateway.configuration.abuse, now: shard.eventLoop.now) else { return }
        follow(verdict)
    }

    /// False where the handshake has been refused.
    @discardableResult
    private func follow(_ verdict: AddressLimits.Verdict) -> Bool {
        guard let (refusal, limit) = verdict.refusal(gateway.configuration.abuse) else { return true }
        gateway.metrics.limited[limit]?.increment()
        refuse(refusal)
        // Lingering would give the address what it is refused.
        if verdict == .tooManyAttempts { abort() }
        return false
    }

    // MARK: The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data), case .reading = state else { return }
        state = .waiting(head)
        admissions.enter(self)
    }

    /// It is this request's turn. False where it is out of date.
    @discardableResult
    func admit() -> Bool {
        guard case .waiting(let head) = state, let context else { return false }
        let now = shard.eventLoop.now
        guard follow(origin.found(head, gateway.configuration.abuse, now: now)) else { return true }
        do throws(Refusal) {
            let request = try HandshakeRequest.check(
                head, peer: origin.socketAddress(context.channel.remoteAddress), configuration: gateway.configuration)
            if let refusal = gateway.admission() { throw refusal }
            try checkRate(now)
            authenticate(request, head)
        } catch {
            refuse(error)
        }
        return true
    }

    private func checkRate(_ now: NIODeadline) throws(Refusal) {
        guard !gateway.addresses.mayHandshake(now: now) else { return }
        gateway.metrics.limited[.handshakesPerSecond]?.increment()
        throw Refusal(
            503, "overloaded", "this node takes no more connections in this second; try again later",
            headers: [("Retry-After", "\(Int.random(in: 1...10))")])
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch (state, error) {
        case (.reading, HTTPParserError.headerOverflow):
            refuse(
                Refusal(
                    431, "header_too_large",
                    "the request's head has more than \(gateway.configuration.maxHeader.bytes) bytes"))
        case (.reading, is HTTPParserError):
            refuse(Refusal(400, "bad_request", "this is not an HTTP request"))
        default:
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .authenticating(let task) = state { task.cancel() }
        context.fireChannelInactive()
    }

    private func authenticate(_ request: ConnectRequest, _ head: HTTPRequestHead) {
        let bound = NIOLoopBound(self, eventLoop: shard.eventLoop)
        let eventLoop = shard.eventLoop
        let authenticator = gateway.authenticator
        // Ends with the hooks' answer; cancelled by the deadline and when the socket goes.
        let task = Task {
            let decision = await authenticator.decide(request)
            eventLoop.execute { bound.value.decided(decision, head) }
        }
        state = .authenticating(task)
        look(at: min(shard.now + gateway.authTicks, handshakeDeadline))
    }

    private func decided(_ decision: Result<Identity, Refusal>, _ head: HTTPRequestHead) {
        guard case .authenticating = state, let context else { return }
        switch decision {
        case .failure(let refusal):
            if refusal.status == 401 { origin.denied(now: shard.eventLoop.now) }
            refuse(refusal)
        case .success(let identity) where identity.client.isSystem:
            refuse(Refusal(403, "reserved_client", "the id \(identity.client) means the system and cannot connect"))
        case .success(let identity):
            let offer = gateway.deflate.flatMap { _ in DeflateOffer(in: head.headers["Sec-WebSocket-Extensions"]) }
            let loopContext = NIOLoopBound(context, eventLoop: shard.eventLoop)
            // Neither this nor the closure is Sendable; both are of this loop, which is checked.
            gateway.upgrader.buildUpgradeResponse(
                channel: context.channel, upgradeRequest: head, initialResponseHeaders: [:]
            ).assumeIsolated().whenComplete { result in
                switch result {
                case .success(let headers): self.open(loopContext.value, identity, headers, offer)
                case .failure: self.refuse(Refusal(400, "bad_request", "the request is not a WebSocket opening"))
                }
            }
        }
    }

    private func open(
        _ context: ChannelHandlerContext, _ identity: Identity, _ headers: HTTPHeaders, _ offer: DeflateOffer?
    ) {
        guard case .authenticating = state, let place else { return }
        state = .done
        var head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        if let offer { head.headers.add(name: "Sec-WebSocket-Extensions", value: offer.answer) }
        // Held: the terminal learns that it is in when presence knows it, see ``ConnectionHandler/answer()``.
        let answer = HandshakeAnswer(head, encoder: encoder, limit: gateway.configuration.maxPending.bytes)
        let connection = ConnectionHandler(
            gateway: gateway, shard: shard, place: place, identity: identity, origin: origin, window: offer?.window)
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandlers([answer, connection])
            _ = pipeline.removeHandler(self)
            // Last: what the terminal sent behind its request goes to the connection, with no end of a read behind it
            // at which the answers would be flushed. The connection is not Sendable; it is of this loop, which is checked.
            pipeline.removeHandler(decoder).assumeIsolated().whenComplete { _ in connection.flush() }
        } catch {
            // The channel has been closed meanwhile.
            leave()
        }
    }

    // MARK: Refusal

    private func refuse(_ refusal: Refusal) {
        guard let context else { return }
        if case .authenticating(let task) = state { task.cancel() }
        state = .refused
        gateway.metrics.countRefused(refusal.status)
        gateway.logger.debug(
            "handshake refused",
            metadata: [
                LogKey.reason: "\(refusal.code)", LogKey.peer: "\(origin.address?.description ?? "-")",
                LogKey.error: "\(refusal.cause.map { "\($0)" } ?? "-")",
            ])
        for part in refusal.answer { context.write(wrapOutboundOut(part), promise: nil) }
        context.flush()
        // Only our half is closed at first: closing the socket over unread input would reset it under the answer.
        context.close(mode: .output, promise: nil)
        look(at: shard.now + gateway.closeTicks)
    }

    // MARK: ShardSocket

    func deadlineReached(now: Tick) -> Tick? {
        guard now == nextLook else { return nil }
        switch state {
        case .reading:
            refuse(
                Refusal(
                    408, "handshake_timeout", "no complete request within \(gateway.configuration.handshakeTimeout)"))
        case .waiting:
            refuse(
                Refusal(Denial(.unavailable, code: "overloaded", message: "this node is overloaded; try again later")))
        case .authenticating where now == handshakeDeadline:
            refuse(
                Refusal(
                    408, "handshake_timeout",
                    "request and authentication took longer than \(gateway.configuration.handshakeTimeout)"))
        case .authenticating:
            refuse(
                Refusal(
                    503, "auth_timeout",
                    "authentication took longer than \(gateway.configuration.authTimeout); try again later"))
        case .refused:
            abort()
        case .done:
            break
        }
        return nil
    }

    func goAway() {
        guard case .refused = state else { return refuse(gateway.departure.refusal) }
    }

    func abort() {
        context?.close(promise: nil)
    }

    private func look(at tick: Tick) {
        guard let place else { return }
        nextLook = tick
        shard.schedule(place, due: tick)
    }
}
