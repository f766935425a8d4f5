import NIOCore

/// A connection that carries subscriptions: carries out what ``SubscriberState`` decides. On the channel's loop only.
final class SubscriberConnection: WireUser {
    /// What the connection tells its owner, on the loop.
    struct Events {
        var ready: () -> Void
        /// All that is not the connection's own affair, and `nothing` where an answer was.
        var received: (SubscriberState.Action) -> Void
        /// No further reply is at hand.
        var burstEnded: () -> Void
        /// Once, last.
        var closed: (RedisError) -> Void
    }

    let wire: Wire
    private var state = SubscriberState()
    private let events: Events

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, handshakeDeadline: NIODeadline,
        events: Events
    ) throws(RedisError) {
        wire = try Wire(
            configuration, eventLoop: eventLoop, handshakeDeadline: handshakeDeadline, sharesBytes: true)
        self.events = events
        wire.start(self)
    }

    // MARK: Subscriptions

    /// Subscriptions can be made.
    var isReady: Bool { wire.isReady }
    /// Redis has answered everything.
    var isSettled: Bool { wire.isReady && !state.isOwed }
    var clientID: Int64? { wire.clientID }

    /// Each is sent with the next ``flush()``, and is to be called where ``isReady``.
    func subscribe(_ channels: [ByteBuffer]) {
        wire.write(state.subscribe(channels).encoded)
    }

    func unsubscribe(_ channel: ByteBuffer) {
        wire.write(state.unsubscribe(channel).encoded)
    }

    /// Before any ``subscribe(_:)``.
    func track(_ prefixes: [String], clientID: Int64) {
        wire.write(state.track(prefixes, clientID: clientID).encoded)
    }

    func flush() {
        wire.flush()
    }

    /// Ends the connection; `closed` follows.
    func close(_ error: RedisError) {
        wire.close(error)
    }

    // MARK: The wire

    func ready() {
        events.ready()
    }

    func received(_ value: RedisValue) throws(RedisError) {
        switch state.received(value) {
        case .end(let error): throw error
        case let action: events.received(action)
        }
    }

    func readEnded() {
        events.burstEnded()
    }

    func becameWritable() {}

    var isOwed: Bool { state.isOwed }
    var nextLook: NIODeadline { .distantFuture }

    func look(now: NIODeadline) {}

    func ping() {
        wire.write(state.ping().encoded)
    }

    func ended(_ reason: RedisError) {
        state.end()
    }

    func closed(_ reason: RedisError) {
        events.burstEnded()
        events.closed(reason)
    }
}
