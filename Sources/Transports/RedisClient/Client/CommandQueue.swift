import Metrics
import NIOCore
import NIOSSL

/// The commands of a client, between its callers and its connection. On its event loop only.
///
/// Commands that cannot be sent wait here in order until they can, or until their deadline.
final class CommandQueue {
    private let configuration: RedisClientConfiguration
    private let eventLoop: any EventLoop
    private let intake: Intake
    private let connector: Connector
    private let metrics: RedisMetrics
    private let timer: LoopTimer
    private var isPumping = false
    private var waiting = CircularBuffer<Submission>()
    private var connection: CommandConnection?
    /// Commands that make a new connection what it has to be. All others wait until Redis has accepted them.
    private var preamble: [RedisCommand] = []
    /// Those of the preamble that Redis has yet to accept.
    private var unaccepted = 0
    /// The connection has been reported ready.
    private var isReported = false
    /// Called for each connection, before any command is sent over it.
    var becameReady: (() -> Void)?
    private var scripts: Set<RedisScript> = []
    /// Called when the queue has come to its end.
    private var stopped: (() -> Void)?

    /// Scripts that a new connection makes known to Redis; further ones wait for their NOSCRIPT.
    private static let rememberedScripts = 256

    init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop, intake: Intake, connector: Connector,
        metrics: RedisMetrics
    ) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.intake = intake
        self.connector = connector
        self.metrics = metrics
        timer = LoopTimer(eventLoop)
        timer.start { [weak self] in self?.expire() }
    }

    deinit {
        for submission in waiting + intake.take() {
            submission.receiver.fail(.gone)
        }
    }

    func start(tls: NIOSSLContext?) {
        connector.start(tls: tls) { [weak self] deadline throws(RedisError) in
            guard let self else { throw .gone }
            return try adopt(deadline)
        }
    }

    /// Sends what can be sent.
    func pump() {
        waiting.append(contentsOf: intake.take())
        // A flush may make room at once and call for a pump; the loop goes on with that room anyway.
        guard !isPumping else { return }
        isPumping = true
        while sendBatch() {}
        isPumping = false
        if let next = waiting.first { timer.fire(noLaterThan: next.deadline) }
        if stopped != nil { finishStopping() }
    }

    /// One flush; false where nothing could be sent.
    private func sendBatch() -> Bool {
        guard unaccepted == 0, let connection else { return false }
        var count = 0
        var bytes = 0
        while connection.hasRoom, let submission = waiting.popFirst() {
            count += submission.count
            bytes += submission.bytes.readableBytes
            if let script = submission.script { remember(script) }
            connection.write(submission)
        }
        guard count > 0 else { return false }
        intake.release(count: count, bytes: bytes)
        metrics.commands.increment(by: count)
        connection.flush()
        return true
    }

    /// Sent now where there is a connection, and first on every later one.
    func setPreamble(_ commands: [RedisCommand]) {
        preamble = commands
        guard let connection, connection.isReady else { return }
        sendPreamble(over: connection)
        connection.flush()
    }

    private func sendPreamble(over connection: CommandConnection) {
        let deadline = eventLoop.now + TimeAmount(configuration.commandTimeout)
        for command in preamble {
            let promise = eventLoop.makePromise(of: RedisValue.self)
            unaccepted += 1
            // Neither this nor the closure is Sendable; both are of this loop, which is checked.
            promise.futureResult.assumeIsolated().whenComplete { [weak self] in self?.preambleAnswered($0) }
            connection.write(
                Submission(bytes: command.encoded, count: 1, deadline: deadline, receiver: .single(promise)))
        }
    }

    /// Without what the preamble says the connection would be of no use.
    private func preambleAnswered(_ result: Result<RedisValue, any Error>) {
        switch result {
        case .success:
            unaccepted -= 1
            open()
        case .failure(let error):
            connection?.close(error as? RedisError ?? RedisError(.connectionLost, "\(error)", underlying: error))
        }
    }

    // MARK: The connection

    private func adopt(_ deadline: NIODeadline) throws(RedisError) -> Wire {
        let events = CommandConnection.Events(
            ready: { [weak self] in self?.ready() },
            room: { [weak self] in self?.pump() },
            closed: { [weak self] in self?.closed($0) })
        let connection = try CommandConnection(
            configuration, eventLoop: eventLoop, handshakeDeadline: deadline, events: events)
        self.connection = connection
        return connection.wire
    }

    private func ready() {
        guard let connection else { return }
        sendPreamble(over: connection)
        // Redis may have been restarted. Known now, scripts run in the order in which they were called.
        for script in scripts { connection.write(script.load) }
        connection.flush()
        open()
    }

    /// Commands may be sent, if nothing is missing.
    private func open() {
        guard unaccepted == 0, !isReported, let connection, connection.isReady else { return }
        isReported = true
        connector.ready(clientID: connection.clientID)
        becameReady?()
    }

    private func closed(_ reason: RedisError) {
        connection = nil
        unaccepted = 0
        isReported = false
        connector.lost(reason)
        pump()
    }

    private func remember(_ script: RedisScript) {
        if scripts.count < Self.rememberedScripts { scripts.insert(script) }
    }

    // MARK: The end of waiting

    private func expire() {
        let now = eventLoop.now
        let error =
            isReported
            ? RedisError(.timeout, "Redis takes no more commands: \(configuration.maxInFlight) are unanswered")
            : connector.noConnection
        while let next = waiting.first, next.deadline <= now { failFirst(error) }
        pump()
    }

    private func failFirst(_ error: RedisError) {
        guard let submission = waiting.popFirst() else { return }
        intake.release(count: submission.count, bytes: submission.bytes.readableBytes)
        metrics.unsent.increment(by: submission.count)
        submission.receiver.fail(error)
    }

    /// Takes nothing more, sends what waits if there is a connection, awaits the replies until their deadlines, closes.
    func stop(_ stopped: @escaping () -> Void) {
        intake.finish()
        self.stopped = stopped
        pump()
    }

    private func finishStopping() {
        guard let connection else {
            while !waiting.isEmpty { failFirst(.stopped) }
            connector.stop()
            timer.cancel()
            let stopped = stopped
            self.stopped = nil
            stopped?()
            return
        }
        guard connection.isReady else { return connection.close(.stopping) }
        guard waiting.isEmpty, connection.isIdle else { return }
        connector.stop()
        connection.close(.stopping)
    }
}
