import Metrics
import NIOCore

/// What comes from the terminal.
extension ConnectionHandler {
    /// Messages of one terminal under way in the hooks, beyond which its socket is not read.
    private static let maximumPendingInbound = 4

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

    func isMessageOverdue(_ now: Tick) -> Bool {
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
            end(code, reason: "", context)
        case .closed:
            endOutput(context)
        case .fail(let code, let reason):
            closeCode = code
            end(code, reason: reason, context)
        }
    }

    /// Our close frame is the last thing that the terminal gets.
    private func end(_ code: CloseCode?, reason: String, _ context: ChannelHandlerContext) {
        writeWaiting(context)
        context.write(
            wrapOutboundOut(Frame.close(code, reason: reason, allocator: context.channel.allocator)), promise: nil)
        endOutput(context)
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

    func resume(_ context: ChannelHandlerContext) {
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
}
