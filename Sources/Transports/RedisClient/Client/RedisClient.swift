public import Logging
public import NIOCore
import NIOSSL
import Synchronization

/// A client of one Redis server: commands over one connection, subscriptions over another.
///
/// Commands of all callers share a connection and are pipelined: what is handed in during one turn of the event loop is
/// one write. They are carried out in the order of the calls. What blocks a connection (BLPOP), or gives it a state of its
/// own between calls (WATCH), does not belong here; MULTI to EXEC in one ``pipeline(_:)-(Array<RedisCommand>)`` does.
///
/// Connections are made by ``run()``, and made anew for ever when they are lost, with all subscriptions. Commands wait
/// meanwhile, until ``RedisClientConfiguration/commandTimeout``. A command that was sent when its connection was lost
/// fails with ``RedisError/Code/connectionLost``; it is never sent twice.
public final class RedisClient: Sendable {
    public let configuration: RedisClientConfiguration
    /// The loop of both connections, of all futures and of all calls to subscribers.
    public let eventLoop: any EventLoop
    private let intake: Intake
    let core: NIOLoopBoundBox<RedisCore>
    private let isRunning = Mutex(false)

    /// - Parameters:
    ///   - eventLoop: an event loop of NIO's sockets; not shut down, and to be shut down after ``run()`` has returned.
    ///   - onEvent: hears of each change of a connection, on `eventLoop`; must not block.
    /// - Throws: ``RedisError/Code/invalid`` for an option out of its range.
    public init(
        _ configuration: RedisClientConfiguration, eventLoop: any EventLoop,
        logger: Logger = Logger(label: "redis", factory: { _ in SwiftLogNoOpLogHandler() }),
        onEvent: @escaping @Sendable (RedisEvent) -> Void = { _ in }
    ) throws(RedisError) {
        try configuration.validate()
        let intake = Intake(configuration)
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.intake = intake
        core = .makeBoxSendingValue(
            RedisCore(configuration, eventLoop: eventLoop, intake: intake, logger: logger, report: onEvent),
            eventLoop: eventLoop)
    }

    // MARK: Life

    /// Connects, and returns when the client has stopped: after ``stop()``, or when the task is cancelled. To be called once.
    ///
    /// Stopping is graceful: what was handed in before is still sent and answered, within the commands' deadlines; commands
    /// without a connection fail with ``RedisError/Code/stopped``.
    ///
    /// - Throws: ``RedisError/Code/tls`` where certificates cannot be read, ``RedisError/Code/invalid`` at a second call.
    public func run() async throws(RedisError) {
        let isFirst = isRunning.withLock { isRunning in
            defer { isRunning = true }
            return !isRunning
        }
        guard isFirst else { throw RedisError(.invalid, "the Redis client has been run before") }
        let tls = try configuration.makeTLSContext()
        let ended = eventLoop.makePromise(of: Void.self)
        let core = core
        eventLoop.execute {
            core.value.start(tls: tls)
            core.value.atEnd(ended)
        }
        await withTaskCancellationHandler {
            await Self.wait(for: ended.futureResult)
        } onCancel: {
            halt()
        }
    }

    /// Stops as ``run()`` says, and returns when both connections are closed. May be called more than once.
    public func stop() async {
        await Self.wait(for: halt())
    }

    @discardableResult
    private func halt() -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let core = core
        eventLoop.execute { core.value.stop(promise) }
        return promise.futureResult
    }

    private static func wait(for future: EventLoopFuture<Void>) async {
        await withCheckedContinuation { continuation in
            future.whenComplete { _ in continuation.resume() }
        }
    }

    // MARK: Commands

    /// Sends a command. May be called on any thread; never blocks.
    ///
    /// - Returns: the reply. Fails with ``RedisError``: an error reply, or one of the client's codes.
    public func send(_ command: RedisCommand) -> EventLoopFuture<RedisValue> {
        let promise = eventLoop.makePromise(of: RedisValue.self)
        submit([command], .single(promise))
        return promise.futureResult
    }

    /// Sends commands in one piece: none of another caller comes between them, and all go over one connection.
    ///
    /// - Parameter commands: at most ``RedisClientConfiguration/maxInFlight``.
    /// - Returns: as many replies, in order; error replies stand in their places as ``RedisValue/error(_:)``. Fails with
    ///   ``RedisError`` where the connection did.
    public func pipeline(_ commands: [RedisCommand]) -> EventLoopFuture<[RedisValue]> {
        let promise = eventLoop.makePromise(of: [RedisValue].self)
        if commands.isEmpty { promise.succeed([]) } else { submit(commands, .pipeline(promise)) }
        return promise.futureResult
    }

    /// Runs a script by its digest (EVALSHA), or by its source (EVAL) where Redis does not know it yet.
    ///
    /// After a reconnect the client makes the scripts it has used known again before any command. When Redis forgets
    /// them otherwise (SCRIPT FLUSH), a script that has to be sent again runs behind the commands handed in meanwhile.
    ///
    /// - Returns: what the script returns. Fails as ``send(_:)-(RedisCommand)``.
    public func eval(
        _ script: RedisScript, keys: [RedisArgument] = [], arguments: [RedisArgument] = []
    ) -> EventLoopFuture<RedisValue> {
        let deadline = NIODeadline.now() + TimeAmount(configuration.commandTimeout)
        let promise = eventLoop.makePromise(of: RedisValue.self)
        submit([script.evalSHA(keys, arguments)], .single(promise), deadline: deadline, script: script)
        return promise.futureResult.flatMapError { error in
            guard let error = error as? RedisError, error.code == .noScript else {
                return self.eventLoop.makeFailedFuture(error)
            }
            let promise = self.eventLoop.makePromise(of: RedisValue.self)
            self.submit([script.eval(keys, arguments)], .single(promise), deadline: deadline)
            return promise.futureResult
        }
    }

    private func submit(
        _ commands: [RedisCommand], _ receiver: Submission.Receiver, deadline: NIODeadline? = nil,
        script: RedisScript? = nil
    ) {
        if let command = commands.first(where: { !$0.isShareable }) {
            return receiver.fail(
                RedisError(.invalid, "\(command.name) cannot be sent over a shared connection; see the configuration"))
        }
        guard !RedisCommand.leavesTransactionOpen(commands) else {
            return receiver.fail(
                RedisError(.invalid, "MULTI needs its EXEC in the same pipeline: the connection is shared"))
        }
        guard commands.count <= configuration.maxInFlight else {
            return receiver.fail(
                RedisError(.invalid, "a pipeline may have \(configuration.maxInFlight) commands, not \(commands.count)")
            )
        }
        let submission = Submission(
            bytes: RedisCommand.join(commands), count: commands.count,
            deadline: deadline ?? .now() + TimeAmount(configuration.commandTimeout), receiver: receiver, script: script)
        switch intake.offer(submission) {
        case .taken(wakes: false): break
        case .taken(wakes: true):
            let core = core
            eventLoop.execute { core.value.commands.pump() }
        case .refused(let error): receiver.fail(error)
        }
    }

    // MARK: Subscriptions

    /// Subscribes to channels, matched exactly (SUBSCRIBE). Several subscribers may share a channel.
    ///
    /// - Returns: succeeds when messages published from now on will arrive. Fails with ``RedisError``, and then nothing
    ///   remains that this call alone brought: ``RedisError/Code/noPerm`` where one of the channels is forbidden,
    ///   `unavailable` or `timeout` after the command timeout, `overloaded` where too many calls wait.
    public func subscribe(_ subscriber: any RedisSubscriber, to channels: [String]) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let core = core
        eventLoop.execute { core.value.subscriptions.subscribe(subscriber, to: channels, promise: promise) }
        return promise.futureResult
    }

    /// Ends subscriptions of a subscriber, compared by identity; all of them without `channels` (UNSUBSCRIBE).
    ///
    /// - Returns: succeeds, always, when no further message of them will be delivered.
    public func unsubscribe(_ subscriber: any RedisSubscriber, from channels: [String]? = nil) -> EventLoopFuture<Void>
    {
        let core = core
        return eventLoop.submit { core.value.subscriptions.unsubscribe(subscriber, from: channels) }
    }

    /// Tells `subscriber` of changed keys from now on (CLIENT TRACKING); it replaces the one before.
    ///
    /// Changes arrive over the connection of the subscriptions, in Redis' order with the messages. Best called before the
    /// first subscription, since a standing connection is made anew. `invalidated(nil)` tells that tracking has begun, and
    /// each time that it has begun again.
    public func track(_ tracking: RedisTracking, _ subscriber: any RedisSubscriber) {
        let core = core
        eventLoop.execute { core.value.track(tracking, subscriber) }
    }
}
