import Logging
import Metrics
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Synchronization

/// What all sockets of a gateway share.
final class GatewayContext: Sendable {
    let configuration: WebSocketConfiguration
    let node: Node
    let metrics = GatewayMetrics()
    let authenticator: Authenticator
    let limits: ConnectionState.Limits
    let inbound: WebSocketConfiguration.Inbound
    /// nil: no message is compressed.
    let deflate: DeflateSettings?
    /// Makes the answer's `Sec-WebSocket-Accept`.
    let upgrader: NIOWebSocketServerUpgrader
    let pingFrame: ByteBuffer
    let logger: Logger
    let census = SocketCensus()
    let addresses: AddressLimits
    let rates: InboundAllowance.Rates
    let departure = Departure()
    let outboxLimits: Outbox.Limits
    /// Bytes that a channel gets to write in one go.
    let window: Int
    private let slowReceivers = Atomic(0)
    /// By shard.
    private let admissions: [NIOLoopBoundBox<AdmissionQueue>]

    let handshakeTicks: Tick
    let authTicks: Tick
    let presenceTicks: Tick
    let pingTicks: Tick
    let pongTicks: Tick
    let closeTicks: Tick
    let messageTicks: Tick

    /// Sockets beyond `max_connections` that still get an answer of 503; the rest is closed without.
    private static let refusalHeadroom = 1_024
    /// The resolution of all timeouts.
    static let tick = Duration.milliseconds(250)

    init(configuration: WebSocketConfiguration, node: Node) {
        self.configuration = configuration
        self.node = node
        self.logger = node.configuration.logger
        self.authenticator = Authenticator(hooks: node.configuration.authHooks)
        self.addresses = AddressLimits(configuration.abuse.perAddress)
        self.rates = configuration.abuse.rates
        self.outboxLimits = Outbox.Limits(
            policy: configuration.slowReceivers, bytes: configuration.maxPending.bytes,
            age: Self.ticks(configuration.maxPendingAge))
        self.window = configuration.slowReceivers.window(maxPending: configuration.maxPending.bytes)
        self.inbound = configuration.inbound ?? (node.inbound == nil ? .discard : .hook)
        self.limits = ConnectionState.Limits(
            frameBytes: configuration.maxFrame.bytes, messageBytes: configuration.maxMessage.bytes,
            keepsMessages: inbound != .discard)
        self.deflate =
            configuration.compression
            ? DeflateSettings(
                level: configuration.compressionLevel, threshold: configuration.compressionThreshold.bytes) : nil
        self.upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        self.admissions = node.shards.map {
            .makeBoxSendingValue(AdmissionQueue(eventLoop: $0.eventLoop), eventLoop: $0.eventLoop)
        }
        self.pingFrame = Frame.make(.ping, ByteBuffer(), allocator: ByteBufferAllocator())
        self.handshakeTicks = Self.ticks(configuration.handshakeTimeout)
        self.authTicks = Self.ticks(configuration.authTimeout)
        self.presenceTicks = Self.ticks(configuration.presenceTimeout)
        self.pingTicks = Self.ticks(configuration.pingInterval)
        self.pongTicks = Self.ticks(configuration.pongTimeout)
        self.closeTicks = Self.ticks(configuration.closeTimeout)
        self.messageTicks = Self.ticks(configuration.abuse.messageTimeout)
    }

    private static func ticks(_ duration: Duration) -> Tick {
        max(1, Tick((duration / tick).rounded(.up)))
    }

    /// Counts a socket in. False where there are too many; it is to be closed without an answer then.
    func enter() -> Bool {
        guard census.enter(limit: configuration.maxConnections + Self.refusalHeadroom) else {
            metrics.overflow.increment()
            return false
        }
        metrics.sockets.record(census.count)
        return true
    }

    func leave() {
        census.leave()
        metrics.sockets.record(census.count)
    }

    /// Terminals began to read too slowly, or do no longer.
    func countSlow(_ change: Int) {
        metrics.slow.record(slowReceivers.wrappingAdd(change, ordering: .relaxed).newValue)
    }

    func expectsProxyHeader(from peer: SocketAddress?) -> Bool {
        guard configuration.abuse.proxyProtocol, let address = peer.flatMap({ IPAddress($0) }) else { return false }
        return configuration.abuse.addresses.isTrustedProxy(address)
    }

    func shard(on eventLoop: any EventLoop) -> Shard? {
        node.shards.first { $0.eventLoop === eventLoop }?.shard
    }

    /// Only on the shard's loop.
    func admissions(of shard: Shard) -> AdmissionQueue { admissions[shard.number].value }

    /// Whether a handshake may become a connection now, or why not.
    func admission() -> Refusal? {
        if census.isClosing { return departure.refusal }
        if census.count > configuration.maxConnections {
            return Refusal(
                Denial(
                    .unavailable, code: "too_many_connections",
                    message: "this node has its \(configuration.maxConnections) connections; try again later"))
        }
        if !node.acceptsConnections {
            return Refusal(
                Denial(.unavailable, code: "overloaded", message: "this node is overloaded; try again later"))
        }
        return nil
    }
}

/// Counts a gateway's sockets, and tells when the last one is gone.
final class SocketCensus: Sendable {
    private struct State {
        var count = 0
        var phase = Phase.open
    }

    /// `open` -> `refusing` -> `closed`.
    private enum Phase {
        case open
        /// Sockets come in for an answer that says why not.
        case refusing
        case closed
    }

    private let state = Mutex(State())
    private let emptied = Gate()

    /// Sockets in any state.
    var count: Int { state.withLock { $0.count } }
    /// Whether nobody becomes a connection any more.
    var isClosing: Bool { state.withLock { $0.phase != .open } }

    /// False where `limit` sockets are there already, or the census is closed; the socket is not counted then.
    func enter(limit: Int) -> Bool {
        state.withLock { state in
            guard state.count < limit, state.phase != .closed else { return false }
            state.count += 1
            return true
        }
    }

    func leave() {
        let isEmpty = state.withLock { state in
            state.count -= 1
            return state.phase == .closed && state.count == 0
        }
        if isEmpty { emptied.open() }
    }

    /// From here on sockets are let in only to be refused.
    func refuse() {
        state.withLock { if $0.phase == .open { $0.phase = .refusing } }
    }

    /// Lets nobody in any more.
    func close() {
        let isEmpty = state.withLock { state in
            state.phase = .closed
            return state.count == 0
        }
        if isEmpty { emptied.open() }
    }

    /// Returns when the census is closed and the last socket gone; throws on cancellation.
    func waitUntilEmpty() async throws {
        try await emptied.wait()
    }
}
