package import NIOCore

/// The connections of one event loop. Everything but ``number`` and ``eventLoop`` is touched on that loop alone.
package final class Shard {
    package let eventLoop: any EventLoop
    package let number: Int
    /// Told of opened and closed connections, on this loop.
    var onChange: (ShardChange) -> Void = { _ in }
    /// Told what became of a receipt, on this loop.
    var onReceipt: (ReceiptID, Bool) -> Void = { _, _ in }

    private var places: ContiguousArray<Place> = []
    private var free: ContiguousArray<UInt32> = []
    private var roster = Roster()
    private var wheel = HeartbeatWheel()
    /// Places with unflushed writes.
    private var dirty: ContiguousArray<UInt32> = []
    /// Sockets in any state, handshakes among them.
    private(set) var socketCount = 0
    /// Open connections.
    private(set) var connectionCount = 0
    private var deliveries = 0

    private struct Place {
        var generation: UInt32 = 0
        var socket: (any ShardSocket)?
        /// The same object as ``socket``, once it is open.
        var connection: (any Connection)?
        var isDirty = false
    }

    init(eventLoop: any EventLoop, number: Int) {
        self.eventLoop = eventLoop
        self.number = number
    }

    /// Lets go of whom it tells.
    func disconnect() {
        onChange = { _ in }
        onReceipt = { _, _ in }
    }

    var now: Tick { wheel.now }
    var channelCount: Int { roster.channelCount }
    var clientCount: Int { roster.clientCount }

    // MARK: Sockets come and go

    /// Takes in a socket that is still in its handshake.
    package func admit(_ socket: any ShardSocket) -> SocketID {
        socketCount += 1
        let index: UInt32
        if let place = free.popLast() {
            index = place
        } else {
            index = UInt32(places.count)
            places.append(Place())
        }
        places[Int(index)].socket = socket
        return SocketID(index: index, generation: places[Int(index)].generation)
    }

    /// The socket has become a connection, which takes over its place.
    package func open(_ id: SocketID, _ connection: any Connection, identity: Identity) {
        guard isCurrent(id) else { return }
        places[Int(id.index)].socket = connection
        places[Int(id.index)].connection = connection
        connectionCount += 1
        roster.insert(identity.client, id.index)
        onChange(ShardChange(kind: .opened, identity: identity, socket: id, remains: true))
    }

    /// Presence has stored these connections, or cannot for the time being.
    func answer(_ ids: [SocketID]) {
        for id in ids where isCurrent(id) { places[Int(id.index)].connection?.answer() }
    }

    /// The socket is gone. `identity` where it had become a connection.
    package func remove(_ id: SocketID, identity: Identity?) {
        guard isCurrent(id) else { return }
        socketCount -= 1
        places[Int(id.index)] = Place(generation: id.generation &+ 1)
        free.append(id.index)
        guard let identity else { return }
        connectionCount -= 1
        let remains = roster.remove(identity.client, id.index)
        onChange(ShardChange(kind: .closed, identity: identity, socket: id, remains: remains))
    }

    private func isCurrent(_ id: SocketID) -> Bool {
        Int(id.index) < places.count && places[Int(id.index)].generation == id.generation
            && places[Int(id.index)].socket != nil
    }

    // MARK: Deadlines

    /// Wakes the socket at a tick; see ``ShardSocket/deadlineReached(now:)``.
    package func schedule(_ id: SocketID, due: Tick) {
        wheel.add(id, due: due)
    }

    /// One tick of the shard's clock.
    package func tick() {
        for entry in wheel.advance() where isCurrent(entry.socket) {
            guard let socket = places[Int(entry.socket.index)].socket else { continue }
            if let next = socket.deadlineReached(now: wheel.now) {
                wheel.add(entry.socket, due: next)
            }
        }
    }

    // MARK: Delivery

    /// Carries out a burst: each delivery written once per connection, then one flush per connection. Returns how many
    /// messages were written to how many connections, multiplied.
    func carryOut(_ burst: [ShardCommand]) -> Int {
        deliveries = 0
        for command in burst {
            switch command {
            case .deliver(let delivery): write(delivery)
            case .apply(let change): apply(change)
            case .close(let client, let code, let reason): close(client, code, reason: reason)
            }
        }
        flush()
        return deliveries
    }

    private func apply(_ change: MembershipChange) {
        switch change.kind {
        case .joined, .present: for channel in change.channels { roster.join(change.client, channel) }
        case .left: for channel in change.channels { roster.leave(change.client, channel) }
        case .exact: roster.set(change.client, change.channels)
        }
    }

    /// The channels of a client's connections here.
    func channels(of client: ClientID) -> [ChannelName] { roster.channels(of: client) }

    private func close(_ client: ClientID, _ code: CloseCode, reason: String) {
        var closing: ContiguousArray<UInt32> = []
        roster.forEachSocket(of: client) { closing.append($0) }
        for index in closing { places[Int(index)].connection?.close(code, reason: reason) }
    }

    /// Ends every socket politely; what is not gone by then ends with ``abortAll()``.
    package func goAwayAll() {
        for place in places { place.socket?.goAway() }
    }

    package func abortAll() {
        for place in places { place.socket?.abort() }
    }

    private func write(_ delivery: Delivery) {
        switch delivery.audience {
        case .client(let client):
            if let receipt = delivery.receipt {
                write(delivery.frames, to: client, receipt: receipt)
            } else {
                roster.forEachSocket(of: client) { write(delivery.frames, delivery.messages, to: $0) }
            }
        case .clients(let clients):
            for client in clients { roster.forEachSocket(of: client) { write(delivery.frames, 1, to: $0) } }
        case .channel(let channel):
            write(delivery, to: roster.members(of: channel))
        case .everyone:
            let all = places.indices.lazy.filter { self.places[$0].connection != nil }.map { UInt32($0) }
            write(delivery, to: ContiguousArray(all))
        }
    }

    private func write(_ delivery: Delivery, to members: ContiguousArray<UInt32>) {
        let excluded = excludedPlaces(delivery.exclusions)
        if excluded.isEmpty {
            for member in members { write(delivery.frames, delivery.messages, to: member) }
            return
        }
        for member in members {
            if excluded.contains(where: { $0.place == member }) {
                writeSome(delivery, to: member, excluded)
            } else {
                write(delivery.frames, delivery.messages, to: member)
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
    private func writeSome(
        _ delivery: Delivery, to member: UInt32, _ excluded: [(place: UInt32, frame: Int)]
    ) {
        deliveries += delivery.messages - excluded.count(where: { $0.place == member })
        var start = delivery.frames.readerIndex
        for (frame, exclusion) in delivery.exclusions.enumerated() {
            defer { start = exclusion.end }
            guard !excluded.contains(where: { $0.place == member && $0.frame == frame }) else { continue }
            guard let frames = delivery.frames.getSlice(at: start, length: exclusion.end - start) else { continue }
            // Frames in front of the first exclusion are one piece; they are counted above.
            write(frames, 0, to: member)
        }
    }

    @inline(__always)
    private func write(_ frames: ByteBuffer, _ messages: Int, to index: UInt32) {
        guard let connection = places[Int(index)].connection else { return }
        connection.write(frames)
        deliveries += messages
        markDirty(index)
    }

    private func markDirty(_ index: UInt32) {
        guard !places[Int(index)].isDirty else { return }
        places[Int(index)].isDirty = true
        dirty.append(index)
    }

    private func write(_ frames: ByteBuffer, to client: ClientID, receipt: ReceiptID) {
        let watch = ReceiptWatch { [unowned self] in onReceipt(receipt, $0) }
        roster.forEachSocket(of: client) { index in
            guard let connection = places[Int(index)].connection else { return }
            let promise = eventLoop.makePromise(of: Void.self)
            watch.expect(promise.futureResult)
            connection.write(frames, promise: promise)
            deliveries += 1
            markDirty(index)
        }
        watch.allExpected()
    }

    /// Flushing may close a connection and so change the tables; they are not walked meanwhile.
    private func flush() {
        let flushing = dirty
        dirty.removeAll(keepingCapacity: true)
        for index in flushing {
            guard Int(index) < places.count, places[Int(index)].isDirty else { continue }
            places[Int(index)].isDirty = false
            places[Int(index)].connection?.flush()
        }
    }
}

/// A connection of a shard that opened or closed.
struct ShardChange: Sendable {
    let kind: ConnectionChange.Kind
    let identity: Identity
    let socket: SocketID
    /// Whether the client has other connections in the shard.
    let remains: Bool
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

    func allExpected() { finishOne() }

    private func finishOne() {
        open -= 1
        if open == 0 { settle(delivered) }
    }
}
