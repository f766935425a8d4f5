public import FreeIMCore
import NIOCore
import ServiceLifecycle

/// Who is online and in which channels, in the memory of one process.
///
/// Changes of channels are stored and published in one turn of the actor, so the bus has them in the stored order.
public actor MemoryPresence: PresenceHook {
    private let identity: NodeIdentity
    private let transport: any Transport
    private let subjects: Subjects
    /// Connections by client, and on which nodes.
    private var online = PagedTable<ClientID, [String: Int]>()
    var members = PagedTable<ChannelName, PagedTable<ClientID, Void>>()
    var channels: [ClientID: Set<ChannelName>] = [:]
    let policy: DevicePolicy
    let limits: ChannelLimits
    let refusedJoins = RefusedJoins()
    let now: @Sendable () -> ContinuousClock.Instant
    /// A client's connections in the order in which they were stored; empty without a policy.
    var devices: [ClientID: [Device]] = [:]
    var bans = Bans()

    /// - Parameter now: the clock of bans.
    public init(
        identity: NodeIdentity, transport: any Transport, devices policy: DevicePolicy = DevicePolicy(),
        channels limits: ChannelLimits = ChannelLimits(),
        now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.policy = policy
        self.limits = limits
        self.now = now
        self.identity = identity
        self.transport = transport
        self.subjects = identity.subjects
    }

    /// One process is one node, as far as a manifest goes.
    public nonisolated var maximumNodes: Int? { 1 }

    public nonisolated func ready() async throws {}

    public nonisolated func run() async throws {
        try? await gracefulShutdown()
    }

    // MARK: Connections

    public func update(
        _ changes: [ConnectionChange], on node: String
    ) async throws(PresenceError) -> [PresenceTransition] {
        var refused: Set<ConnectionID> = []
        var closing: [(node: String, CloseCommand)] = []
        let transitions = changes.compactMap { change -> PresenceTransition? in
            switch change.kind {
            case .opened:
                guard let refusal = refusal(of: change, on: node, &closing) else {
                    return opened(change.identity, on: node)
                }
                change.connection.map { _ = refused.insert($0) }
                return PresenceTransition(.refused(refusal), change.identity, connection: change.connection)
            case .closed:
                if let connection = change.connection, refused.contains(connection) { return nil }
                forget(change.connection, of: change.identity.client)
                return closed(change.identity, on: node)
            }
        }
        await tell(node, changes, transitions, closing)
        return transitions
    }

    private func opened(_ identity: Identity, on node: String) -> PresenceTransition? {
        let before = online[identity.client] ?? [:]
        var after = before
        after[node, default: 0] += 1
        online[identity.client] = after
        return before.isEmpty ? PresenceTransition(.online, identity) : nil
    }

    private func closed(_ identity: Identity, on node: String) -> PresenceTransition? {
        guard var connections = online[identity.client], let count = connections[node] else { return nil }
        connections[node] = count > 1 ? count - 1 : nil
        guard connections.isEmpty else {
            online[identity.client] = connections
            return nil
        }
        online[identity.client] = nil
        let left = channels.removeValue(forKey: identity.client) ?? []
        for channel in left { removeMember(identity.client, of: channel) }
        return PresenceTransition(.offline, identity, left: left.sorted { $0.text < $1.text })
    }

    /// Tells a node what its index must know of connections that are stored already. Tries until the bus takes it or
    /// stops, each time with the channels as they are then: older news must not come behind a join or leave.
    private func tell(
        _ node: String, _ changes: [ConnectionChange], _ transitions: [PresenceTransition],
        _ closing: [(node: String, CloseCommand)]
    ) async {
        let closes = closing.map { node, command in
            BusMessage(subject: subjects.server(node), body: EnvelopeCodec.encode(.forwarded(.close(command))))
        }
        while !Task.isCancelled {
            do {
                return try await publish(indexMessages(for: node, changes, transitions) + closes)
            } catch {
                if (error.underlying as? TransportError)?.code == .stopped { return }
            }
        }
    }

    private func indexMessages(
        for node: String, _ changes: [ConnectionChange], _ transitions: [PresenceTransition]
    ) -> [BusMessage] {
        var messages: [BusMessage] = []
        func add(_ kind: MembershipChange.Kind, _ client: ClientID, _ names: [ChannelName]) {
            guard !names.isEmpty else { return }
            let change = MembershipChange(kind, client: client, channels: names)
            messages.append(
                BusMessage(subject: subjects.server(node), body: EnvelopeCodec.encode(.membership(change))))
        }
        // Of a client that left by going offline a join may be under way, which must not count for its next connection.
        for transition in transitions {
            let client = transition.identity.client
            add(.left, client, transition.left.filter { channels[client]?.contains($0) != true })
        }
        for client in Set(changes.lazy.filter { $0.kind == .opened }.map(\.identity.client)) {
            add(.present, client, channels[client].map(Array.init) ?? [])
        }
        return messages
    }

    public func connectionCounts(of clients: [ClientID]) -> [Int] {
        clients.map { online[$0]?.values.reduce(0, +) ?? 0 }
    }

    public func nodes(of clients: [ClientID]) -> [[String]] {
        clients.map { online[$0]?.keys.sorted() ?? [] }
    }

    public func onlineCount() -> Int { online.count }

    public func onlineClients(_ page: PageRequest) throws(PresenceError) -> Page<ClientID> {
        try online.page(page)
    }

    // MARK: Channels

    public func join(_ client: ClientID, _ names: [ChannelName]) async throws(PresenceError) -> [ChannelName] {
        try checkLimits(client, names)
        var joined: [ChannelName] = []
        var present: [ChannelName] = []
        for name in names {
            if channels[client, default: []].insert(name).inserted {
                members.update(name, default: PagedTable()) { $0[client] = () }
                joined.append(name)
            } else {
                present.append(name)
            }
        }
        try await publish(
            changeMessages(.joined, client, joined) + changeMessages(.present, client, present, isNews: false))
        return joined
    }

    public func leave(_ client: ClientID, _ names: [ChannelName]) async throws(PresenceError) -> [ChannelName] {
        var left: [ChannelName] = []
        var absent: [ChannelName] = []
        for name in names {
            if remove(client, from: name) { left.append(name) } else { absent.append(name) }
        }
        try await publish(
            changeMessages(.left, client, left) + changeMessages(.left, client, absent, isNews: false))
        return left
    }

    public func remove(_ clients: [ClientID], from channel: ChannelName) async throws(PresenceError) -> [ClientID] {
        var left: [ClientID] = []
        var messages: [BusMessage] = []
        for client in clients {
            let wasMember = remove(client, from: channel)
            if wasMember { left.append(client) }
            messages += changeMessages(.left, client, [channel], isNews: wasMember)
        }
        try await publish(messages)
        return left
    }

    public func removeOfflineMembers(of channel: ChannelName) async throws(PresenceError) -> Int {
        let offline = members[channel]?.keys.filter { online[$0] == nil } ?? []
        return try await remove(offline, from: channel).count
    }

    public func members(of channel: ChannelName, _ page: PageRequest) throws(PresenceError) -> Page<ClientID> {
        try (members[channel] ?? PagedTable()).page(page)
    }

    public func memberCount(of channel: ChannelName) -> Int { members[channel]?.count ?? 0 }

    public func channels(_ page: PageRequest) throws(PresenceError) -> Page<ChannelCount> {
        let names = try members.page(page)
        let counts = names.items.map { ChannelCount(channel: $0, members: members[$0]?.count ?? 0) }
        return Page(items: counts, next: names.next)
    }

    public func channels(of client: ClientID) -> [ChannelName] {
        (channels[client] ?? []).sorted { $0.text < $1.text }
    }

    private func remove(_ client: ClientID, from channel: ChannelName) -> Bool {
        guard channels[client]?.remove(channel) != nil else { return false }
        if channels[client]?.isEmpty == true { channels[client] = nil }
        removeMember(client, of: channel)
        return true
    }

    private func removeMember(_ client: ClientID, of channel: ChannelName) {
        members.update(channel, default: PagedTable()) { $0[client] = nil }
        if members[channel]?.count == 0 { members[channel] = nil }
    }

    // MARK: Telling the nodes

    /// For each node that holds the client, or its home node; the first one publishes the events.
    ///
    /// - Parameter isNews: false where nothing has changed and the nodes are told all the same, so that a call whose
    ///   messages the bus did not take can be repeated.
    private func changeMessages(
        _ kind: MembershipChange.Kind, _ client: ClientID, _ names: [ChannelName], isNews: Bool = true
    ) -> [BusMessage] {
        guard !names.isEmpty else { return [] }
        var nodes = online[client].map { Array($0.keys) } ?? []
        if nodes.isEmpty, let home = identity.partition.server(for: client) { nodes = [home] }
        return nodes.enumerated().map { number, node in
            let change = MembershipChange(kind, client: client, channels: names, announce: isNews && number == 0)
            return BusMessage(subject: subjects.server(node), body: EnvelopeCodec.encode(.membership(change)))
        }
    }

    /// Hands the messages over before the first suspension, so within the actor's turn.
    private func publish(_ messages: [BusMessage]) async throws(PresenceError) {
        guard !messages.isEmpty else { return }
        do {
            try await transport.publish(messages).get()
        } catch {
            throw PresenceError(
                .unavailable, "the change is stored, but the bus did not take it; repeat the call", underlying: error)
        }
    }
}
