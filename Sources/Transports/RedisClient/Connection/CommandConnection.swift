import NIOCore

/// A connection that carries commands: carries out what ``CommandState`` decides. On the channel's event loop only.
final class CommandConnection: WireUser {
    /// What the connection tells its owner, on the loop.
    struct Events {
        var ready: () -> Void
        /// Replies came in, or the socket takes bytes again.
        var room: () -> Void
        /// Once, last. All receivers have been told.
        var closed: (RedisError) -> Void
    }

    let wire: Wire
    private let eventLoop: any EventLoop
    private let maxInFlight: Int
    private var state = CommandState<Submission.Receiver>()
    private let events: Events
    /// Commands of this tick, for one write.
    private var batch = ByteBuffer()

    /// Bytes from which on a batch is handed to the channel.
    private static let batchBytes = 64 << 10
    private static let pingCommand = RedisCommand("PING")

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, handshakeDeadline: NIODeadline,
        events: Events
    ) throws(RedisError) {
        wire = try Wire(configuration, eventLoop: eventLoop, handshakeDeadline: handshakeDeadline)
        self.eventLoop = eventLoop
        maxInFlight = configuration.maxInFlight
        self.events = events
        wire.start(self)
    }

    // MARK: Commands

    /// False while commands have to wait.
    var hasRoom: Bool { wire.isReady && state.inFlight < maxInFlight && wire.isWritable }
    var isReady: Bool { wire.isReady }
    var isIdle: Bool { state.isIdle }
    var clientID: Int64? { wire.clientID }

    /// Sends with the next ``flush()``. To be called where ``isReady``.
    func write(_ submission: Submission) {
        write(submission.bytes, submission.receiver, count: submission.count, deadline: submission.deadline)
    }

    /// As above, and the replies are dropped.
    func write(_ command: RedisCommand) {
        write(command.encoded, nil, count: 1, deadline: nil)
    }

    private func write(_ bytes: ByteBuffer, _ receiver: Submission.Receiver?, count: Int, deadline: NIODeadline?) {
        guard wire.isReady else {
            receiver?.fail(RedisError(.connectionLost, "the connection to Redis has ended"))
            return
        }
        state.send(receiver, count: count, deadline: deadline)
        if batch.readableBytes == 0 { batch = bytes } else { batch.writeImmutableBuffer(bytes) }
        if batch.readableBytes >= Self.batchBytes { writeBatch() }
    }

    func flush() {
        writeBatch()
        wire.flush()
    }

    private func writeBatch() {
        guard batch.readableBytes > 0 else { return }
        wire.write(batch)
        batch = ByteBuffer()
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
        case .nothing: break
        case .reply(let receiver, let value): receiver.succeed(value)
        case .replies(let receiver, let values): receiver.succeed(values)
        case .end(let error): throw error
        }
    }

    func readEnded() {
        events.room()
    }

    func becameWritable() {
        events.room()
    }

    var isOwed: Bool { state.isOwed }
    var nextLook: NIODeadline { state.nextDeadline ?? .distantFuture }

    func look(now: NIODeadline) {
        let late = state.takeExpired(now: now)
        guard !late.isEmpty else { return }
        let error = RedisError(.timeout, "Redis did not answer before the command's deadline")
        for receiver in late { receiver.fail(error) }
        events.room()
    }

    func ping() {
        write(Self.pingCommand)
        writeBatch()
    }

    func ended(_ reason: RedisError) {
        let lost = RedisError(
            .connectionLost, "the connection to Redis ended before the reply: \(reason.message)", underlying: reason)
        for receiver in state.end() { receiver.fail(lost) }
    }

    func closed(_ reason: RedisError) {
        events.closed(reason)
    }
}
