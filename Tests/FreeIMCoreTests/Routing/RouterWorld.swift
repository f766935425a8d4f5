import FreeIMTestSupport
import MetricsTestKit
import NIOCore
import NIOEmbedded
import ServiceLifecycle
import Synchronization

@testable import FreeIMCore

/// A router of two shards on a loop of the test's thread, and what it hands to shards and bus.
final class RouterWorld {
    let loop = EmbeddedEventLoop()
    let transport: RecordingTransport
    let router: Router
    let subjects: Subjects
    private let metrics = TestMetrics()
    private let commands: Commands

    private final class Commands {
        var all: [[ShardCommand]] = [[], []]
        /// Which shards were given something, one after the other.
        var order: [Int] = []
    }

    init(
        hooks: [any MessageHook] = [], features: [any Feature] = [DirectMessages(), Channels(), EventBus()],
        maximumMessage: Int = MessagePayload.defaultMaximumBytes
    ) {
        let identity = NodeIdentity(name: "a", servers: ["a", "b"])
        let transport = RecordingTransport(eventLoopGroup: loop)
        var configuration = NodeConfiguration(
            identity: identity, transport: transport, presence: NoPresence(), authHooks: [], features: features,
            eventLoopGroup: loop, logger: .silent)
        configuration.messageHooks = hooks
        configuration.maximumMessage = ByteCount(maximumMessage)
        let commands = Commands()
        self.transport = transport
        self.commands = commands
        subjects = identity.subjects
        router = Router(
            configuration: configuration, metrics: NodeMetrics(factory: metrics), eventLoop: loop, shards: 2
        ) { shard, burst in
            commands.all[shard] += burst
            commands.order.append(shard)
        }
        // Whoever is looked for is nowhere.
        router.onMisrouted = { [unowned router] in router.found($0, on: []) }
    }

    private static let someSocket = SocketID(index: 0, generation: 0)

    /// A client's connection opens in a shard.
    func open(_ client: ClientID, in shard: Int = 0) {
        router.apply(
            ShardChange(kind: .opened, identity: Identity(client: client), socket: Self.someSocket, remains: true),
            shard: shard)
    }

    func close(_ client: ClientID, in shard: Int = 0, remains: Bool = false) {
        router.apply(
            ShardChange(kind: .closed, identity: Identity(client: client), socket: Self.someSocket, remains: remains),
            shard: shard)
    }

    /// One burst from the bus.
    func receive(_ envelopes: Envelope...) {
        for envelope in envelopes { router.receive(EnvelopeCodec.encode(envelope)) }
        router.burstEnded()
    }

    func receive(text: String) {
        router.receive(ByteBuffer(string: text))
        router.burstEnded()
    }

    /// One turn of the loop.
    func turn() { loop.run() }

    /// What the shards were given since the last time, in words.
    func take() throws -> [[String]] {
        defer { commands.all = [[], []] }
        return try commands.all.map { try $0.resolved.map { try $0.summary() } }
    }

    /// Which shards were given something so far, one after the other.
    var order: [Int] { commands.order }

    /// The receipts that shards are to settle.
    func takeReceipts() -> [(shard: Int, receipt: ReceiptID)] {
        defer { commands.all = [[], []] }
        return commands.all.enumerated().flatMap { shard, commands in
            commands.compactMap(\.delivery?.receipt).map { (shard, $0) }
        }
    }

    /// A counter of the node, by the middle of its name.
    func count(_ name: String) -> Int64 { metrics.counterTotal(label: "freeim_node_\(name)_total") }
}

extension Envelope {
    static func direct(
        _ text: String, from sender: ClientID? = nil, to receivers: [ClientID], receipt: Bool = false
    ) -> Envelope {
        .direct(
            DirectMessage(
                sender: sender, receivers: receivers, payload: ByteBuffer(string: text), wantsReceipt: receipt))
    }

    static func channel(_ text: String, from sender: ClientID? = nil, _ channel: String = "x") -> Envelope {
        .channel(sender: sender, channel: .named(channel), payload: ByteBuffer(string: text))
    }

    static func broadcast(_ text: String, from sender: ClientID? = nil) -> Envelope {
        .broadcast(sender: sender, payload: ByteBuffer(string: text))
    }

    static func membership(
        _ kind: MembershipChange.Kind, _ client: ClientID, _ channels: [String] = ["x"], announce: Bool = false
    ) -> Envelope {
        .membership(
            MembershipChange(kind, client: client, channels: channels.map { .named($0) }, announce: announce))
    }
}

/// A presence that knows nothing; each call fails with `failure`, where there is one.
final class NoPresence: PresenceHook {
    let failure: PresenceError?
    let maximumNodes: Int?
    let gathersBursts: Bool
    /// Where every client is.
    private let nodes: [String]
    private let bans: Bool
    private let updated = Mutex<[[ClientID]]>([])

    init(
        failure: PresenceError? = nil, maximumNodes: Int? = nil, gathersBursts: Bool = false, nodes: [String] = [],
        bans: Bool = false
    ) {
        self.failure = failure
        self.nodes = nodes
        self.bans = bans
        self.maximumNodes = maximumNodes
        self.gathersBursts = gathersBursts
    }

    /// Whose connections changed, update by update.
    var updates: [[ClientID]] { updated.withLock { $0 } }

    private func answer<Answer>(_ answer: Answer) throws(PresenceError) -> Answer {
        if let failure { throw failure }
        return answer
    }

    func update(
        _ changes: [ConnectionChange], on node: String
    ) async throws(PresenceError) -> [PresenceTransition] {
        updated.withLock { $0.append(changes.map(\.identity.client)) }
        return try answer([])
    }
    func connectionCounts(of clients: [ClientID]) async throws(PresenceError) -> [Int] {
        try answer(clients.map { _ in 0 })
    }
    func nodes(of clients: [ClientID]) async throws(PresenceError) -> [[String]] {
        try answer(clients.map { _ in nodes })
    }
    func ban(_ client: ClientID, for duration: Duration) async throws(PresenceError) {
        guard bans else { throw PresenceError(.unsupported, "no bans") }
        try answer(())
    }
    func onlineCount() async throws(PresenceError) -> Int { try answer(0) }
    func onlineClients(_ page: PageRequest) async throws(PresenceError) -> Page<ClientID> {
        try answer(Page(items: [], next: nil))
    }
    func join(_ client: ClientID, _ channels: [ChannelName]) async throws(PresenceError) -> [ChannelName] {
        try answer([])
    }
    func leave(_ client: ClientID, _ channels: [ChannelName]) async throws(PresenceError) -> [ChannelName] {
        try answer([])
    }
    func remove(_ clients: [ClientID], from channel: ChannelName) async throws(PresenceError) -> [ClientID] {
        try answer([])
    }
    func removeOfflineMembers(of channel: ChannelName) async throws(PresenceError) -> Int { try answer(0) }
    func members(of channel: ChannelName, _ page: PageRequest) async throws(PresenceError) -> Page<ClientID> {
        try answer(Page(items: [], next: nil))
    }
    func memberCount(of channel: ChannelName) async throws(PresenceError) -> Int { try answer(0) }
    func channels(_ page: PageRequest) async throws(PresenceError) -> Page<ChannelCount> {
        try answer(Page(items: [], next: nil))
    }
    func channels(of client: ClientID) async throws(PresenceError) -> [ChannelName] { try answer([]) }
    func ready() async throws {}
    func run() async throws { try? await gracefulShutdown() }
}
