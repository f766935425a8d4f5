public import FreeIMCore
public import FreeIMRedis
public import Logging
import NIOCore
import RedisClient
import ServiceLifecycle
import Synchronization

/// Who is online and in which channels, in Redis: FreeIM's hashes, and a lease per node beside them.
///
/// A node's connections count as long as its lease is renewed. When it runs out, the other nodes (or the node itself,
/// started again) take its connections out in small parts, each part by exactly one of them, and publish the offline
/// events that the node could not.
public final class RedisPresence: PresenceHook {
    let store: PresenceStore
    let identity: NodeIdentity
    private let ownsLink: Bool
    private let follower: MembershipFollower
    private let enlistments = Mutex<[String: Enlistment]>([:])

    /// - Parameters:
    ///   - identity: names and order of the servers, as every node has them.
    ///   - link: where presence is stored. ``run()`` runs its client where it is not that of `transport`.
    ///   - transport: carries what nodes are told; that of the same link makes it one step with the change.
    public init(
        _ configuration: RedisPresenceConfiguration = RedisPresenceConfiguration(), identity: NodeIdentity,
        link: RedisLink, transport: any Transport, logger: Logger
    ) {
        let store = PresenceStore(
            configuration, identity: identity, link: link, transport: transport, logger: logger)
        let mistrusted = Mistrust()
        self.store = store
        self.identity = identity
        ownsLink = (transport as? RedisTransport)?.link !== link
        follower = MembershipFollower(store) { mistrusted.raise() }
        mistrusted.presence.withLock { $0 = Weak(self) }
        if configuration.tracking { link.client.track(.keysRead(ignoringOwn: false), follower) }
        link.observe { event in
            // What was under way may have been stored or not; what was told may not have arrived.
            if case .disconnected = event.change { mistrusted.raise() }
            if case .ready = event.change { store.wake() }
        }
    }

    public func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            if ownsLink { group.addTask { try await self.store.client.run() } }
            group.addTask {
                await cancelWhenGracefulShutdown { await self.work() }
                for enlistment in self.all { await enlistment.resign() }
                if self.ownsLink { await self.store.client.stop() }
            }
        }
    }

    /// Lets the enlistments do what is due, in the pace of the renewals and whenever one asks for it.
    private func work() async {
        let pace = min(store.configuration.renewal, .seconds(1))
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    self.store.wake()
                    try? await Task.sleep(for: pace)
                }
                self.store.finishWakes()
            }
            for await _ in store.wakes {
                for enlistment in all { await enlistment.work() }
            }
        }
    }

    private var all: [Enlistment] { enlistments.withLock { Array($0.values) } }

    func enlistment(of node: String) -> Enlistment {
        enlistments.withLock { enlistments in
            if let enlistment = enlistments[node] { return enlistment }
            let enlistment = Enlistment(node: node, store: store)
            enlistments[node] = enlistment
            return enlistment
        }
    }

    public func attach(to host: any PresenceHost) {
        follower.attach(host, node: identity.name)
        let enlistment = enlistment(of: identity.name)
        // Ends by itself: the actor takes the host and goes on.
        Task {
            await enlistment.attach(host)
            store.wake()
        }
    }

    public func ready() async throws {
        if store.configuration.tracking { try await follower.begun.wait() }
        // An answer comes behind all news of connections made before.
        try await store.link.ready()
        for enlistment in all { try await enlistment.enlisted.wait() }
    }

    // MARK: Connections

    public var gathersBursts: Bool { true }

    public func update(
        _ changes: [ConnectionChange], on node: String
    ) async throws(PresenceError) -> [PresenceTransition] {
        await enlistment(of: node).update(changes)
    }

    /// Tells all enlistments that Redis may hold something else than they think.
    private final class Mistrust: Sendable {
        let presence = Mutex(Weak<RedisPresence>(nil))

        func raise() {
            guard let presence = presence.withLock({ $0.value }) else { return }
            let enlistments = presence.all
            // Ends by itself: an actor's turn each.
            Task {
                for enlistment in enlistments { await enlistment.mistrust() }
                presence.store.wake()
            }
        }
    }
}

private struct Weak<Object: AnyObject & Sendable>: Sendable {
    weak var value: Object?

    init(_ value: Object?) {
        self.value = value
    }
}
