import Metrics
import NIOCore

/// What goes to the terminal.
///
/// The channel's water marks are such that it is writable as long as the kernel has taken all that it was given. While it is
/// not, what follows waits in the connection's ``Outbox``, from which the channel gets as much as it may write in one go
/// each time that the kernel has taken the last.
extension ConnectionHandler {
    /// A message of this connection's own, compressed where it is worth it.
    func send(_ opcode: Frame.Opcode, _ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        guard state.phase == .open else { return }
        write(shard.encoded(Frame.make(opcode, bytes, allocator: context.channel.allocator), for: place))
    }

    func write(_ frames: ByteBuffer) { write(frames, of: nil, nil) }

    func write(_ frames: ByteBuffer, of channel: ChannelName) { write(frames, of: channel, nil) }

    func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>) { write(frames, of: nil, promise) }

    private func write(_ frames: ByteBuffer, of channel: ChannelName?, _ promise: EventLoopPromise<Void>?) {
        guard state.phase == .open, let context else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if let outbox, outbox.isBlocked {
            let dropped = outbox.dropped
            outbox.add(frames, of: channel, promise: promise, now: shard.now)
            return countDropped(outbox.dropped - dropped)
        }
        hasUnflushed = true
        context.write(wrapOutboundOut(frames), promise: promise)
        unflushedBytes += frames.readableBytes
        // Of a long burst the channel is not given more than it may write in one go, unless the kernel takes it.
        if unflushedBytes >= gateway.window, isAnswered { flush(context) }
    }

    func flush() {
        guard let context, isAnswered || !context.channel.isWritable else { return }
        if outbox?.isBlocked != true { flush(context) }
        guard state.phase == .open else { return }
        guard let outbox, outbox.isBlocked else { return shard.setHandle(handle, of: place) }
        if outbox.isOverfull { close(.slowReceiver, reason: "reads too slowly") }
    }

    private func flush(_ context: ChannelHandlerContext) {
        hasUnflushed = false
        unflushedBytes = 0
        context.flush()
        if !context.channel.isWritable, state.phase == .open { block(context) }
    }

    /// The kernel has not taken all.
    private func block(_ context: ChannelHandlerContext) {
        let outbox = outbox ?? Outbox(gateway.outboxLimits)
        self.outbox = outbox
        if !outbox.isBlocked {
            outbox.isBlocked = true
            outbox.channelSince = shard.now
            gateway.countSlow(1)
            shard.setSlow(true, place)
        }
        outbox.channelBytes = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        outbox.checkBytes()
        if let due = outbox.deadline, due < nextLook { look(at: due) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, outbox?.isBlocked == true, state.phase == .open { goOn(context) }
    }

    /// The kernel has taken what the channel had.
    private func goOn(_ context: ChannelHandlerContext) {
        guard let outbox else { return }
        // Its room is the terminal's doing.
        heartbeat.seen(shard.now)
        outbox.isBlocked = false
        let dropped = outbox.dropped
        while context.channel.isWritable, state.phase == .open, !outbox.isEmpty {
            var bytes = 0
            var oldest = shard.now
            while bytes < gateway.window, let (frames, since, promise) = outbox.next(now: shard.now) {
                context.write(wrapOutboundOut(frames), promise: promise)
                bytes += frames.readableBytes
                oldest = min(oldest, since)
            }
            // Becomes writable meanwhile where the kernel takes it.
            context.flush()
            if !context.channel.isWritable, state.phase == .open {
                outbox.isBlocked = true
                outbox.channelSince = oldest
                block(context)
            }
        }
        countDropped(outbox.dropped - dropped)
        if !outbox.isBlocked { keepsUp(outbox) }
    }

    private func keepsUp(_ outbox: Outbox) {
        gateway.countSlow(-1)
        outbox.channelBytes = 0
        if outbox.dropped == 0 {
            self.outbox = nil
            shard.setSlow(false, place)
        }
        if state.phase == .open { shard.setHandle(handle, of: place) }
    }

    /// Nothing more comes: what waits is the channel's to write.
    func writeWaiting(_ context: ChannelHandlerContext) {
        guard let outbox else { return }
        while let (frames, _, promise) = outbox.next(now: shard.now) {
            context.write(wrapOutboundOut(frames), promise: promise)
        }
    }

    func dropWaiting() {
        guard let outbox else { return }
        let dropped = outbox.dropped
        outbox.dropAll()
        countDropped(outbox.dropped - dropped)
        if context == nil, outbox.isBlocked {
            outbox.isBlocked = false
            gateway.countSlow(-1)
        }
    }

    private func countDropped(_ messages: Int) {
        guard messages > 0 else { return }
        gateway.metrics.dropped.increment(by: messages)
        shard.countDropped(messages)
    }

    var slowReceiver: SlowReceiver? {
        guard let outbox else { return nil }
        let ticks = outbox.oldest.map { shard.now &- $0 } ?? 0
        return SlowReceiver(
            client: identity.client, waitingBytes: outbox.waitingBytes, waiting: GatewayContext.tick * Int(ticks),
            dropped: outbox.dropped)
    }
}
