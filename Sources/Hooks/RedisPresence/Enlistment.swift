import FreeIMCore
import Logging
import Metrics
import NIOCore

/// One node's connections in Redis, under a lease.
///
/// Holds what Redis ought to hold. As long as nothing goes wrong each change is stored as it comes. Whenever Redis may
/// hold something else (a lease that ran out, an answer that did not come, a connection made anew, an empty Redis) the
/// node enlists again, as a new incarnation, and all its connections are stored anew.
actor Enlistment {
    let node: String
    private let store: PresenceStore
    private var sweeper: Sweeper
    /// Connections by client, as they ought to stand in Redis.
    private var local: [ClientID: LocalClient] = [:]
    /// `name@epoch`; nil until the node has enlisted for the first time.
    private var incarnation: String?
    /// An epoch is this process's number and, behind a dash, how often it has enlisted.
    private let process = String(UInt64.random(in: 0 ... .max), radix: 16)
    private var enlistments = 0
    private var beginning: Task<Void, Never>?
    /// Changes are stored as they come; otherwise they gather in ``unstored``.
    private var isStored = false
    private var unstored: [ClientID: Identity] = [:]
    /// Since the last ``mistrust()`` nothing has been stored anew.
    private var isMistrusted = false
    private var needsLocations = false
    /// Which process of Redis it was.
    private var redisRun: String?
    private var servers = ServerLists()
    private weak var host: (any PresenceHost)?
    /// Open once the node has enlisted.
    nonisolated let enlisted = Gate()

    private struct LocalClient {
        var connections: Int
        /// Of the connection opened last.
        var identity: Identity
        /// In the order in which they opened; empty without a policy.
        var devices: [PresenceStore.Device]
    }

    init(node: String, store: PresenceStore) {
        self.node = node
        self.store = store
        self.sweeper = Sweeper(node: node, lease: store.configuration.lease)
    }

    func attach(_ host: any PresenceHost) {
        self.host = host
        needsLocations = true
    }

    /// Everything is to be stored anew, at the next ``work()``.
    func mistrust() {
        guard incarnation != nil else { return }
        isMistrusted = true
        isStored = false
        needsLocations = true
    }

    // MARK: Changes

    func update(_ changes: [ConnectionChange]) async -> [PresenceTransition] {
        for change in changes { note(change) }
        await begin()
        guard isStored, let incarnation else {
            gather(changes)
            return []
        }
        do throws(PresenceError) {
            if let transitions = try await store.update(changes, incarnation: incarnation, node: node) {
                forgetRefused(transitions, among: changes, storedUnder: incarnation)
                return transitions
            }
            store.metrics.leasesLost.increment()
            store.logger.warning("lease lost", metadata: [LogKey.node: "\(node)"])
        } catch {
            store.metrics.unstored.increment(by: changes.count)
            store.logger.warning(
                "changes of presence will be stored later",
                metadata: [LogKey.count: "\(changes.count)", LogKey.error: "\(error)"])
        }
        gather(changes)
        mistrust()
        store.wake()
        return []
    }

    /// What was not let in does not count. Where all is being stored anew, it may have been counted there meanwhile.
    private func forgetRefused(
        _ transitions: [PresenceTransition], among changes: [ConnectionChange], storedUnder incarnation: String
    ) {
        let refused = transitions.filter { if case .refused = $0.kind { true } else { false } }
        guard !refused.isEmpty else { return }
        let ended = Set(changes.lazy.filter { $0.kind == .closed }.compactMap(\.connection))
        for transition in refused {
            if let connection = transition.connection, !ended.contains(connection) {
                note(ConnectionChange(.closed, transition.identity, connection: connection))
            }
            if !isStored { unstored[transition.identity.client] = transition.identity }
        }
        if isStored, self.incarnation != incarnation { mistrust() }
    }

    private func gather(_ changes: [ConnectionChange]) {
        for change in changes { unstored[change.identity.client] = change.identity }
    }

    private func note(_ change: ConnectionChange) {
        let client = change.identity.client
        switch change.kind {
        case .opened:
            var entry = local[client] ?? LocalClient(connections: 0, identity: change.identity, devices: [])
            entry.connections += 1
            entry.identity = change.identity
            if let connection = change.connection, store.configuration.devices.isActive {
                entry.devices.append(PresenceStore.Device(connection: connection, device: change.identity.device))
            }
            local[client] = entry
        case .closed:
            guard var entry = local[client] else { return }
            entry.connections -= 1
            entry.devices.removeAll { $0.connection == change.connection }
            local[client] = entry.connections > 0 ? entry : nil
        }
    }

    // MARK: The lease

    /// Enlists for the first time, and does nothing later on; several callers share one attempt.
    private func begin() async {
        if let beginning { return await beginning.value }
        guard incarnation == nil else { return }
        let attempt = Task {
            do throws(PresenceError) {
                try await enlist()
                try await retireOlder()
                isStored = unstored.isEmpty
            } catch {
                store.logger.debug("not enlisted yet", metadata: [LogKey.error: "\(error)"])
            }
        }
        beginning = attempt
        await attempt.value
        beginning = nil
    }

    /// Returns whether Redis is another process than before.
    @discardableResult
    private func enlist() async throws(PresenceError) -> Bool {
        let run = try await store.redisRun()
        enlistments += 1
        let fresh = "\(node)@\(process)-\(enlistments)"
        try await store.enlist(fresh, node: node)
        incarnation = fresh
        sweeper.enlisted(as: fresh)
        enlisted.open()
        defer { redisRun = run }
        return redisRun.map { $0 != run } ?? false
    }

    /// Does what is due: stores anew, or renews the lease and sweeps up after lost nodes.
    func work() async {
        do throws(PresenceError) {
            await begin()
            guard incarnation != nil else { return }
            if !isStored { try await storeAnew() }
            if needsLocations, host != nil {
                needsLocations = false
                try await store.tellLocations(node)
            }
            try await keepLease()
        } catch {
            needsLocations = true
            store.logger.debug("presence does not reach Redis", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func storeAnew() async throws(PresenceError) {
        let older = incarnation ?? ""
        let isIndexRight = try await enlist()
        isMistrusted = false
        for (client, entry) in local { unstored[client] = entry.identity }
        store.metrics.enlistments.increment()
        store.logger.notice(
            "presence is stored anew", metadata: [LogKey.node: "\(node)", LogKey.count: "\(unstored.count)"])
        repeat {
            while !unstored.isEmpty {
                try await storePortion(older: older, isIndexRight: isIndexRight)
            }
            try await retireOlder()
            // Changes that came while that was awaited have gathered.
        } while !unstored.isEmpty
        // Mistrusted meanwhile: once more, with the next work.
        isStored = !isMistrusted
    }

    /// What is still stored under earlier incarnations belongs to connections that are gone.
    private func retireOlder() async throws(PresenceError) {
        guard let incarnation else { return }
        try await store.retire(before: incarnation, node: node)
    }

    private func storePortion(older: String, isIndexRight: Bool) async throws(PresenceError) {
        guard let incarnation else { return }
        let portion = Array(unstored.prefix(Self.portion))
        let channels = await host?.indexedChannels(of: portion.map(\.key)) ?? [:]
        let rows = portion.map { client, identity in
            PresenceStore.Row(
                identity: local[client]?.identity ?? identity, connections: local[client]?.connections ?? 0,
                channels: channels[client] ?? [], devices: local[client]?.devices ?? [])
        }
        for (client, _) in portion { unstored[client] = nil }
        do throws(PresenceError) {
            let transitions = try await store.restore(
                rows, incarnation: incarnation, older: older, node: node, isIndexRight: isIndexRight)
            await host?.announce(transitions)
        } catch {
            for (client, identity) in portion where unstored[client] == nil { unstored[client] = identity }
            throw error
        }
    }

    /// Clients that one script stores anew. Redis serves nobody else meanwhile, so few: a hundred take it 10 ms.
    private static let portion = 32

    private func keepLease() async throws(PresenceError) {
        guard let incarnation else { return }
        guard let lease = try await store.renew(incarnation) else {
            store.metrics.leasesLost.increment()
            store.logger.warning("lease lost", metadata: [LogKey.node: "\(node)"])
            mistrust()
            return store.wake()
        }
        servers.compare(lease, own: store.keys.identity.servers, logger: store.logger)
        for dead in sweeper.due(lease.expired) {
            let count = try await store.sweep(dead, host?.eventBus)
            guard count > 0 else { continue }
            store.metrics.swept.increment(by: count)
            store.logger.notice(
                "swept up after a lost node", metadata: [LogKey.node: "\(dead)", LogKey.count: "\(count)"])
        }
    }

    /// The node goes, of its own accord.
    func resign() async {
        guard let incarnation else { return }
        do throws(PresenceError) {
            try await store.resign(incarnation)
        } catch {
            store.logger.warning("lease not ended; it runs out", metadata: [LogKey.error: "\(error)"])
        }
    }
}
