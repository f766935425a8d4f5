import FreeIMAPI
import FreeIMCore
import FreeIMMemory
import FreeIMTokenAuth
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// A node with an API on a free port.
struct RunningAPI: Sendable {
    /// Of the first listener.
    let client: HTTPClient
    /// That of the TLS listener beside the first.
    let tlsPort: Int?
    let messenger: Messenger
    let presence: MemoryPresence
    let lifecycle: NodeLifecycle
    /// What the node's subject carries.
    let bus: BusTap

    /// As a connection of the gateway would.
    func connect(_ client: ClientID) async throws {
        _ = try await presence.update([ConnectionChange(.opened, Identity(client: client))], on: "node")
    }

    func get(_ path: String) async throws -> Answer {
        try await client.send(.GET, path)
    }

    func post(_ path: String, _ body: String) async throws -> Answer {
        try await client.send(.POST, path, body)
    }

    func put(_ path: String, _ body: String) async throws -> Answer {
        try await client.send(.PUT, path, body)
    }

    func delete(_ path: String, _ body: String? = nil) async throws -> Answer {
        try await client.send(.DELETE, path, body)
    }
}

/// Runs `body` beside a node, and stops the node.
func withAPI(
    _ configure: (inout HTTPAPIConfiguration) -> Void = { _ in },
    features: [any Feature] = [DirectMessages(), Channels(), EventBus()],
    authHooks: [any AuthHook] = [TokenAuth()],
    transport: any Transport = MemoryTransport(eventLoopGroup: MultiThreadedEventLoopGroup.singleton),
    limits: ChannelLimits = ChannelLimits(), maximumMessage: Int = MessagePayload.defaultMaximumBytes,
    logger: Logger = .silent,
    _ body: (RunningAPI) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let identity = NodeIdentity(name: "node", publicURL: "wss://im.example{path}")
    let presence = MemoryPresence(identity: identity, transport: transport, channels: limits)
    var configuration = HTTPAPIConfiguration()
    configuration.listen?.port = 0
    configure(&configuration)
    let (addresses, listening) = AsyncStream.makeStream(of: SocketAddress.self)
    let api = try HTTPAPI(configuration, eventLoopGroup: group, logger: logger) { _ = listening.yield($0) }
    let features = features + [api]
    var parts = NodeConfiguration(
        identity: identity, transport: transport, presence: presence, authHooks: authHooks, features: features,
        eventLoopGroup: group, logger: .silent)
    parts.maximumMessage = ByteCount(maximumMessage)
    let node = try Node(parts)
    let bus = BusTap(eventLoop: group.next())
    try await transport.subscribe(bus, to: identity.allSubjects.map { $0.server("node") })
    let services = ServiceGroup(services: node.services(features: features), logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            defer { listening.finish() }
            try await services.run()
        }
        var ports = addresses.makeAsyncIterator()
        if let port = await ports.next()?.port {
            let isBoth = configuration.listen != nil && configuration.tls != nil
            let tlsPort = isBoth ? await ports.next()?.port : nil
            try await body(
                RunningAPI(
                    client: HTTPClient(port: port), tlsPort: tlsPort, messenger: node.messenger, presence: presence,
                    lifecycle: node.lifecycle, bus: bus))
        }
        await services.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// Hears everything that is published for a node.
final class BusTap: TransportInbox {
    let eventLoop: any EventLoop
    private let envelopes: AsyncStream<Envelope>
    private let continuation: AsyncStream<Envelope>.Continuation

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        (envelopes, continuation) = AsyncStream.makeStream()
    }

    func receive(_ body: ByteBuffer, on subject: String) {
        if let envelope = try? EnvelopeCodec.decode(body) { continuation.yield(envelope) }
    }

    func burstEnded() {}

    /// The next message or command.
    func next() async -> Envelope? {
        var envelopes = envelopes.makeAsyncIterator()
        return await envelopes.next()
    }
}

/// A bus that is away until it is told otherwise.
final class AbsentTransport: Transport {
    let returned = Gate()

    func publish(_ messages: [BusMessage]) -> EventLoopFuture<Void> {
        MultiThreadedEventLoopGroup.singleton.next().makeFailedFuture(
            TransportError(.unavailable, "the bus is away"))
    }

    func subscribe(_ inbox: any TransportInbox, to subjects: [String]) async throws(TransportError) {}
    func unsubscribe(_ inbox: any TransportInbox) async {}
    func ready() async throws { try await returned.wait() }
    func run() async throws { try? await gracefulShutdown() }
}
