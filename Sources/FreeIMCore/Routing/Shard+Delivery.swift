import NIOCore

/// What a burst brings to the connections.
///
/// Nearly always a connection that a burst brings something has nothing else to write. Then all that the burst brings it is
/// sent over its socket, in one call, and neither the connection nor its channel is touched. Everything else goes through
/// the channel.
extension Shard {
    func write(_ delivery: Delivery) {
        switch delivery.audience {
        case .client(let client):
            if let receipt = delivery.receipt {
                write(delivery.frames, to: client, receipt: receipt)
            } else {
                write(queue(delivery.frames), delivery.messages, toAllOf: client)
            }
        case .clients(let clients):
            let frames = queue(delivery.frames)
            guard !mayCompress(Int(frames.count)) else { return write(frames, inFormsToAllOf: clients) }
            for client in clients { roster.forEachSocket(of: client) { write(frames, 1, to: $0) } }
        case .channel(let channel):
            write(delivery, to: roster.members(of: channel), of: channel)
        case .everyone:
            write(delivery, to: 0..<UInt32(places.count), of: nil)
        }
    }

    @inline(__always)
    func write(_ frames: Frames, _ messages: Int, toAllOf client: ClientID) {
        guard !mayCompress(Int(frames.count)) else { return write(frames, messages, inFormsToAllOf: client) }
        if let only = roster.onlySocket(of: client) { return write(frames, messages, to: only) }
        roster.forEachSocket(of: client) { write(frames, messages, to: $0) }
    }

    /// - Parameter members: places; those without a connection are passed over.
    private func write(_ delivery: Delivery, to members: some Sequence<UInt32>, of channel: ChannelName?) {
        let frames = queue(delivery.frames, of: channel)
        let excluded = excludedPlaces(delivery.exclusions)
        guard !mayCompress(delivery.longest ?? Int(frames.count)) else {
            return write(delivery, frames, inFormsTo: members, excluded)
        }
        if excluded.isEmpty {
            for member in members { write(frames, delivery.messages, to: member) }
            return
        }
        for member in members {
            if excluded.contains(where: { $0.place == member }) {
                writeSome(delivery, of: frames, delivery.exclusions.lazy.map(\.end), to: member, excluded)
            } else {
                write(frames, delivery.messages, to: member)
            }
        }
    }

    /// The places of excluded senders in this shard, with the frame each one does not get.
    private func excludedPlaces(_ exclusions: [Delivery.Exclusion]) -> [(place: UInt32, frame: Int)] {
        var places: [(place: UInt32, frame: Int)] = []
        for (frame, exclusion) in exclusions.enumerated() {
            guard let sender = exclusion.sender else { continue }
            roster.forEachSocket(of: sender) { places.append(($0, frame)) }
        }
        return places
    }

    /// The frames of a run that a connection is to get, one by one.
    ///
    /// - Parameter ends: those of the run's exclusions in `frames`, which is a whole buffer.
    func writeSome(
        _ delivery: Delivery, of frames: Frames, _ ends: some Collection<Int>, to member: UInt32,
        _ excluded: [(place: UInt32, frame: Int)]
    ) {
        deliveries += delivery.messages - excluded.count(where: { $0.place == member })
        let buffer = buffers[Int(frames.buffer)]
        let run = buffer.bytes
        var start = run.readerIndex
        for (frame, end) in ends.enumerated() {
            defer { start = end }
            guard !excluded.contains(where: { $0.place == member && $0.frame == frame }) else { continue }
            guard let frames = run.getSlice(at: start, length: end - start) else { continue }
            // Frames in front of the first exclusion are one piece; they are counted above.
            write(queue(frames, of: buffer.channel), 0, to: member)
        }
    }

    /// Keeps a buffer to the end of the burst. Returns its place in ``buffers``.
    func keep(_ buffer: ByteBuffer, of channel: ChannelName? = nil) -> UInt32 {
        buffers.append(BurstBuffer(bytes: buffer, channel: channel))
        return UInt32(buffers.count - 1)
    }

    func queue(_ frames: ByteBuffer, of channel: ChannelName? = nil) -> Frames {
        Frames(buffer: keep(frames, of: channel), 0..<frames.readableBytes)
    }

    @inline(__always)
    func write(_ frames: Frames, _ messages: Int, to index: UInt32) {
        switch places[Int(index)].offer(frames) {
        case .absent: return
        case .taken: break
        case .takenFirst: dirty.append(index)
        case .behind: places[Int(index)].append(frames, in: &further)
        case .refused:
            give(frames, to: Int(index))
            markDirty(index)
        case .refusedBehind:
            passOn(index)
            give(frames, to: Int(index))
        }
        deliveries += messages
    }

    /// Gives to the connection what waits, so that what follows comes behind it.
    func passOn(_ index: UInt32) {
        places[Int(index)].passOn().forEach(in: further) { give($0, to: Int(index)) }
    }

    private func give(_ frames: Frames, to at: Int) {
        give(frames, of: buffers[Int(frames.buffer)], from: 0, to: at)
    }

    /// - Parameter offset: what has been sent of the frames.
    private func give(_ frames: Frames, of buffer: BurstBuffer, from offset: Int, to at: Int) {
        let bytes = frames.standingAlone(buffer.bytes, from: offset)
        // The rest of a frame is not to be dropped for its channel's sake.
        if offset == 0, let channel = buffer.channel {
            places[at].connection?.write(bytes, of: channel)
        } else {
            places[at].connection?.write(bytes)
        }
    }

    private func markDirty(_ index: UInt32) {
        if places[Int(index)].markDirty() { dirty.append(index) }
    }

    /// Sent at once where nothing waits, since then its fate is known; otherwise the connection tells.
    private func write(_ frames: ByteBuffer, to client: ClientID, receipt: ReceiptID) {
        let watch = ReceiptWatch { [unowned self] in onReceipt(receipt, $0) }
        roster.forEachSocket(of: client) { index in
            guard let connection = places[Int(index)].connection else { return }
            deliveries += 1
            var frames = encoded(frames, for: index)
            let sent = places[Int(index)].handleAtRest.map { handle in
                frames.withUnsafeReadableBytes { handle.send($0) }
            }
            frames.moveReaderIndex(forwardBy: sent ?? 0)
            guard frames.readableBytes > 0 else { return watch.noteDelivered() }
            passOn(index)
            let promise = eventLoop.makePromise(of: Void.self)
            watch.expect(promise.futureResult)
            connection.write(frames, promise: promise)
            markDirty(index)
        }
        watch.allExpected()
    }

    /// Ends the burst. Flushing may close a connection and so change the tables; they are not walked meanwhile.
    func flush() {
        var flushing: ContiguousArray<UInt32> = []
        var buffers: ContiguousArray<BurstBuffer> = []
        var further: ContiguousArray<FurtherFrames> = []
        swap(&flushing, &dirty)
        swap(&buffers, &self.buffers)
        swap(&further, &self.further)
        defer {
            // Their room serves the next burst, unless this one was out of the ordinary.
            flushing.removeAll(keepingCapacity: true)
            buffers.removeAll(keepingCapacity: true)
            further.removeAll(keepingCapacity: further.count <= FurtherFrames.keptRoom)
            if dirty.isEmpty { swap(&flushing, &dirty) }
            if self.buffers.isEmpty { swap(&buffers, &self.buffers) }
            if self.further.isEmpty { swap(&further, &self.further) }
        }
        for index in flushing {
            let at = Int(index)
            guard at < places.count, let (waiting, handle) = places[at].endBurst() else { continue }
            if waiting.isEmpty {
                places[at].connection?.flush()
            } else if waiting.isAlone {
                send(waiting.first, of: buffers[Int(waiting.first.buffer)], over: handle, to: at)
            } else {
                send(waiting, further, of: buffers, over: handle, to: at)
            }
        }
    }

    /// Writes and flushes frames that belong to no burst; not within one.
    func send(_ frames: ByteBuffer, to id: SocketID) {
        guard isCurrent(id) else { return }
        let at = Int(id.index)
        let all = Frames(buffer: 0, 0..<frames.readableBytes)
        send(all, of: BurstBuffer(bytes: frames, channel: nil), over: places[at].handle, to: at)
    }

    /// - Parameter handle: that of the place.
    private func send(_ frames: Frames, of buffer: BurstBuffer, over handle: SocketHandle?, to at: Int) {
        let sent =
            handle.map { handle in
                buffer.bytes.withUnsafeReadableBytes { handle.send(frames.bytes(of: $0)) }
            } ?? 0
        guard sent != Int(frames.count) else { return }
        places[at].handle = nil
        give(frames, of: buffer, from: sent, to: at)
        places[at].connection?.flush()
    }

    /// The same for frames of several buffers, in one call.
    private func send(
        _ waiting: WaitingFrames, _ further: ContiguousArray<FurtherFrames>, of buffers: ContiguousArray<BurstBuffer>,
        over handle: SocketHandle?, to at: Int
    ) {
        var sent = 0
        if let handle {
            guard let part = waiting.send(further, of: buffers, over: handle) else { return }
            sent = part
        }
        places[at].handle = nil
        waiting.forEach(in: further) { frames in
            let offset = min(sent, Int(frames.count))
            sent -= offset
            if offset < Int(frames.count) { give(frames, of: buffers[Int(frames.buffer)], from: offset, to: at) }
        }
        places[at].connection?.flush()
    }
}

/// Waits for the writes of one message to a client's connections; one success is enough.
private final class ReceiptWatch {
    private var open = 1
    private var delivered = false
    private let settle: (Bool) -> Void

    init(settle: @escaping (Bool) -> Void) {
        self.settle = settle
    }

    func expect(_ write: EventLoopFuture<Void>) {
        open += 1
        // Neither this nor the closure is Sendable; both are of this loop, which is checked.
        write.assumeIsolated().whenComplete { result in
            if case .success = result { self.delivered = true }
            self.finishOne()
        }
    }

    func noteDelivered() { delivered = true }

    func allExpected() { finishOne() }

    private func finishOne() {
        open -= 1
        if open == 0 { settle(delivered) }
    }
}
