import Logging
import Metrics
import NIOCore
import NIOPosix
import NIOSSL

/// Makes a connection, and makes it anew whenever it is lost, for ever. On its event loop only.
///
/// `idle` -> `connecting` -> `connected` -> `pausing` -> `connecting`; any -> `stopped`, which stays.
final class Connector {
    private enum Phase {
        case idle
        /// The channels under way, so that they can be given up: a host may have several addresses.
        case connecting([any Channel])
        case connected
        case pausing(Scheduled<Void>)
        case stopped
    }

    let connection: RedisEvent.Connection
    private let configuration: RedisClientConfiguration
    private let eventLoop: any EventLoop
    private let logger: Logger
    private let metrics: RedisMetrics
    private let report: @Sendable (RedisEvent) -> Void
    private var phase = Phase.idle
    private var failures = 0
    /// Why there is no connection, where there is none.
    private var outage = RedisError(.unavailable, "the client does not run yet")
    private var tls: NIOSSLContext?
    /// Makes who speaks Redis over a new channel, and has until the deadline for the handshake.
    private var adopt: ((NIODeadline) throws(RedisError) -> Wire)?

    init(
        _ connection: RedisEvent.Connection, _ configuration: RedisClientConfiguration, eventLoop: any EventLoop,
        logger: Logger, metrics: RedisMetrics, report: @escaping @Sendable (RedisEvent) -> Void
    ) {
        self.connection = connection
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.metrics = metrics
        self.report = report
    }

    func start(tls: NIOSSLContext?, adopt: @escaping (NIODeadline) throws(RedisError) -> Wire) {
        guard case .idle = phase else { return }
        self.tls = tls
        self.adopt = adopt
        outage = RedisError(.unavailable, "the first attempt to connect to \(configuration.endpoint) goes on")
        connect()
    }

    /// What waited for a connection until its deadline fails with this.
    var noConnection: RedisError {
        RedisError(
            .unavailable, "no connection to Redis before the deadline: \(outage.message)", underlying: outage)
    }

    /// The connection can be used.
    func ready(clientID: Int64?) {
        failures = 0
        logger.debug("redis ready", metadata: metadata)
        report(RedisEvent(connection: connection, change: .ready(clientID: clientID)))
    }

    /// The connection ended, or was not made.
    func lost(_ reason: RedisError) {
        outage = reason
        metrics.disconnects.increment()
        logger.debug("redis disconnected", metadata: metadata.merging(["reason": "\(reason)"]) { $1 })
        if case .stopped = phase {
            // No further attempt.
        } else {
            failures += 1
            var generator = SystemRandomNumberGenerator()
            let pause = TimeAmount(configuration.backoff.pause(failures: failures, using: &generator))
            // Neither this nor the closure is Sendable; both are of this loop, which is checked.
            phase = .pausing(
                eventLoop.assumeIsolated().scheduleTask(in: pause) { [weak self] in self?.connect() })
        }
        report(RedisEvent(connection: connection, change: .disconnected(reason)))
    }

    /// The connection stands, but Redis does not do what was asked.
    func refused(_ error: RedisError) {
        logger.debug("redis refuses a subscription", metadata: metadata.merging(["reason": "\(error)"]) { $1 })
    }

    /// No further attempt. A connection that stands is its owner's to close.
    func stop() {
        switch phase {
        case .connecting(let channels): for channel in channels { channel.close(promise: nil) }
        case .pausing(let attempt): attempt.cancel()
        case .idle, .connected, .stopped: break
        }
        phase = .stopped
        adopt = nil
    }

    /// Bytes that Redis has not taken yet: above `high`, commands wait in their queue, which has a limit and deadlines.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)

    private var metadata: Logger.Metadata {
        ["connection": "\(connection)", "endpoint": "\(configuration.endpoint)"]
    }

    // MARK: Connecting

    private func connect() {
        if case .stopped = phase { return }
        phase = .connecting([])
        let deadline = eventLoop.now + TimeAmount(configuration.connectTimeout)
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(configuration.connectTimeout))
            .channelOption(.writeBufferWaterMark, value: Self.waterMark)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try bound.value.prepare(channel) }
            }
        let attempt =
            switch configuration.endpoint {
            case .tcp(let host, let port):
                // An address needs no resolver, whose threads other names may keep busy.
                if let address = try? SocketAddress(ipAddress: host, port: port) {
                    bootstrap.connect(to: address)
                } else {
                    bootstrap.connect(host: host, port: port)
                }
            case .unix(let path): bootstrap.connect(unixDomainSocketPath: path)
            }
        // Neither this nor the closure is Sendable; both are of this loop, which is checked.
        attempt.assumeIsolated().whenComplete { [weak self] in self?.connected($0, deadline) }
    }

    private func prepare(_ channel: any Channel) throws {
        guard case .connecting(var channels) = phase else { throw ChannelError.alreadyClosed }
        channels.append(channel)
        phase = .connecting(channels)
        if let tls {
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: tls, serverHostname: configuration.expectedServerName))
        }
    }

    private func connected(_ result: Result<any Channel, any Error>, _ deadline: NIODeadline) {
        switch result {
        case .success(let channel):
            guard case .connecting = phase, let adopt else { return channel.close(promise: nil) }
            phase = .connected
            report(RedisEvent(connection: connection, change: .connected))
            do throws(RedisError) {
                add(try adopt(deadline), to: channel)
            } catch {
                channel.close(promise: nil)
                lost(error)
            }
        case .failure(let error):
            guard case .connecting = phase else { return }
            lost(failure(error))
        }
    }

    private func add(_ wire: Wire, to channel: any Channel) {
        do {
            try channel.pipeline.syncOperations.addHandler(wire)
        } catch {
            channel.close(promise: nil)
            wire.close(failure(error))
        }
    }

    private func failure(_ error: any Error) -> RedisError {
        RedisError(.unavailable, "cannot connect to \(configuration.endpoint): \(error)", underlying: error)
    }
}
