package import NIOCore

/// The connections of one event loop. Everything but ``number`` and ``eventLoop`` is touched on that loop alone.
package final class Shard {
    package let eventLoop: any EventLoop
    package let number: Int
    /// Told of opened and closed connections, on this loop.
    var onChange: (ShardChange) -> Void = { _ in }
    /// Told what became of a receipt, on this loop.
    var onReceipt: (ReceiptID, Bool) -> Void = { _, _ in }

    var places: ContiguousArray<Place> = []
    private var free: ContiguousArray<UInt32> = []
    var roster = Roster()
    private var wheel = HeartbeatWheel()
    /// Places with unflushed writes.
    var dirty: ContiguousArray<UInt32> = []
    /// What ``Frames`` are parts of, in this burst.
    var buffers: ContiguousArray<BurstBuffer> = []
    /// What waits in this burst for connections for which something waits already.
    var further: ContiguousArray<FurtherFrames> = []
    /// Which of ``buffers`` is the last common one.
    var common: UInt32 = 0
    /// Set while the connections are let go little by little.
    var leaving: Leaving?
    /// Sockets in any state, handshakes among them.
    private(set) var socketCount = 0
    /// Open connections.
    package private(set) var connectionCount = 0
    var deliveries = 0
    /// The places of connections that have an ``Outbox``.
    private var slow: Set<UInt32> = []
    /// Messages dropped for slow receivers since the start.
    private var dropped = 0
    /// nil while no connection here takes messages compressed.
    var codec: DeflateCodec?

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
    ///
    /// - Parameter agreement: how it takes compressed messages, if it does.
    package func open(
        _ id: SocketID, _ connection: any Connection, identity: Identity, agreement: DeflateAgreement? = nil
    ) {
        guard isCurrent(id) else { return }
        if let agreement {
            places[Int(id.index)].window = agreement.window
            codec.add(agreement)
        }
        places[Int(id.index)].socket = connection
        places[Int(id.index)].connection = connection
        connectionCount += 1
        roster.insert(identity.client, id.index)
        onChange(
            ShardChange(kind: .opened, identity: identity, socket: id, remains: true, agreement: agreement))
    }

    /// Presence has stored these connections, or cannot for the time being.
    func answer(_ ids: [SocketID]) {
        for id in ids where isCurrent(id) { places[Int(id.index)].connection?.answer() }
    }

    /// Presence has not let this connection in.
    func refuse(_ id: SocketID, _ refusal: ConnectionRefusal) {
        guard isCurrent(id) else { return }
        places[Int(id.index)].connection?.refuse(refusal)
    }

    /// The socket is gone. `identity` where it had become a connection.
    package func remove(_ id: SocketID, identity: Identity?) {
        guard isCurrent(id) else { return }
        socketCount -= 1
        let agreement = releaseWindow(of: id.index)
        places[Int(id.index)] = Place(generation: id.generation &+ 1)
        free.append(id.index)
        slow.remove(id.index)
        guard let identity else { return }
        connectionCount -= 1
        let remains = roster.remove(identity.client, id.index)
        onChange(
            ShardChange(kind: .closed, identity: identity, socket: id, remains: remains, agreement: agreement))
    }

    /// All that the connection was given to write is with the kernel: until it says otherwise (nil), what it is to
    /// write can be sent past it.
    package func setHandle(_ handle: SocketHandle?, of id: SocketID) {
        guard isCurrent(id) else { return }
        places[Int(id.index)].handle = handle
    }

    package func hasHandle(_ id: SocketID) -> Bool {
        isCurrent(id) && places[Int(id.index)].handle != nil
    }

    /// A connection cannot keep up, or does again.
    func setSlow(_ isSlow: Bool, _ id: SocketID) {
        guard isCurrent(id) else { return }
        if isSlow { slow.insert(id.index) } else { slow.remove(id.index) }
    }

    func countDropped(_ messages: Int) {
        dropped += messages
    }

    func slowReceivers(limit: Int) -> SlowReceiverReport {
        let all = slow.compactMap { places[Int($0)].connection?.slowReceiver }
        let first = all.sorted { $0.waitingBytes > $1.waitingBytes }.prefix(limit)
        return SlowReceiverReport(receivers: Array(first), count: all.count, dropped: dropped)
    }

    func isCurrent(_ id: SocketID) -> Bool {
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
        leaveOn()
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
            case .common(let buffer): common = keep(buffer)
            case .send(let client, let part, let messages):
                write(Frames(buffer: common, part), messages, toAllOf: client)
            case .apply(let change): apply(change)
            case .close(let client, let code, let reason): close(client, code, reason: reason)
            case .closeOne(let id, let client, let code, let reason): close(id, of: client, code, reason: reason)
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
        for index in closing {
            passOn(index)
            places[Int(index)].connection?.close(code, reason: reason)
        }
    }

    private func close(_ id: SocketID, of client: ClientID, _ code: CloseCode, reason: String) {
        guard isCurrent(id) else { return }
        var isClients = false
        roster.forEachSocket(of: client) { isClients = isClients || $0 == id.index }
        guard isClients else { return }
        passOn(id.index)
        places[Int(id.index)].connection?.close(code, reason: reason)
    }

    /// Ends every socket politely; what is not gone by then ends with ``abortAll()``.
    package func goAwayAll() {
        for place in places { place.socket?.goAway() }
        endLeaving()
    }

    package func abortAll() {
        for place in places { place.socket?.abort() }
    }
}

/// A connection of a shard that opened or closed.
struct ShardChange: Sendable {
    let kind: ConnectionChange.Kind
    let identity: Identity
    let socket: SocketID
    /// Whether the client has other connections in the shard.
    let remains: Bool
    /// How the connection takes compressed messages, if it does.
    var agreement: DeflateAgreement?
}
