public import ServiceLifecycle

/// Who is online, with how many connections, and in which channels, in the whole cluster.
///
/// A node's index of its own connections follows from here: an implementation publishes each change of a client's
/// channels as an ``Envelope/membership(_:)`` to the ``Subjects`` of the nodes that hold the client's connections (to
/// the client's home node where there is none), in the order in which it stored them and before the call returns.
public protocol PresenceHook: Service {
    /// Stores connections that opened and closed on a node, in order.
    ///
    /// Where a client's first connection opens, or its last one closes, that is returned as a transition. A client
    /// whose last connection closes leaves all its channels. A client that connects while it is in channels is told to
    /// its node as ``MembershipChange/Kind/present`` or ``MembershipChange/Kind/exact``.
    ///
    /// What cannot be stored right now may be stored later: its transitions are then handed to
    /// ``PresenceHost/announce(_:)``.
    ///
    /// A connection that is not let in, because the client is banned or for a ``DevicePolicy``, is not stored; a
    /// transition of the kind ``PresenceTransition/Kind/refused(_:)`` says so. If its end is among the same changes, that
    /// changes nothing either; the node does not tell of its end later. What a policy closes is told to the node that
    /// has it (``Envelope/close(_:)``), as is a banned client that was let in before it could be stored.
    ///
    /// A presence for several nodes tells a client's home node, and the nodes with its connections, of each change of
    /// a client that has connections elsewhere than at home (``Envelope/location(_:)``).
    func update(_ changes: [ConnectionChange], on node: String) async throws(PresenceError) -> [PresenceTransition]

    /// Keeps a client out of the whole cluster for so long, beginning with the next connection to be stored; `.zero` ends
    /// that.
    ///
    /// - Throws: ``PresenceError/Code/limitReached`` where too many are banned, ``PresenceError/Code/unsupported`` where
    ///   this presence cannot ban.
    func ban(_ client: ClientID, for duration: Duration) async throws(PresenceError)

    /// The number of connections of each client, in the order asked.
    func connectionCounts(of clients: [ClientID]) async throws(PresenceError) -> [Int]
    /// The number of clients with at least one connection.
    func onlineCount() async throws(PresenceError) -> Int
    /// The clients with at least one connection, in no particular order.
    func onlineClients(_ page: PageRequest) async throws(PresenceError) -> Page<ClientID>

    /// Makes a client, online or not, a member. Returns the channels in which it was not one before.
    ///
    /// - Throws: ``PresenceError/Code/tooManyChannels`` or ``PresenceError/Code/channelFull`` where a limit of
    ///   ``ChannelLimits`` is against one of the memberships; the client joins none of the channels then.
    @discardableResult
    func join(_ client: ClientID, _ channels: [ChannelName]) async throws(PresenceError) -> [ChannelName]
    /// Ends memberships of a client. Returns the channels in which it was a member.
    @discardableResult
    func leave(_ client: ClientID, _ channels: [ChannelName]) async throws(PresenceError) -> [ChannelName]
    /// Ends memberships of a channel. Returns the clients that were members.
    @discardableResult
    func remove(_ clients: [ClientID], from channel: ChannelName) async throws(PresenceError) -> [ClientID]
    /// Ends the memberships of all clients without a connection. Returns their number.
    @discardableResult
    func removeOfflineMembers(of channel: ChannelName) async throws(PresenceError) -> Int

    /// A channel's members, online or not, in no particular order.
    func members(of channel: ChannelName, _ page: PageRequest) async throws(PresenceError) -> Page<ClientID>
    /// The number of a channel's members; 0 where there is no such channel.
    func memberCount(of channel: ChannelName) async throws(PresenceError) -> Int
    /// All channels with a member, in no particular order.
    func channels(_ page: PageRequest) async throws(PresenceError) -> Page<ChannelCount>
    /// The channels of a client, in no particular order.
    func channels(of client: ClientID) async throws(PresenceError) -> [ChannelName]

    /// The number of connections of one client.
    func connectionCount(of client: ClientID) async throws(PresenceError) -> Int
    /// All clients with at least one connection.
    func onlineClients() async throws(PresenceError) -> [ClientID]
    /// All members of a channel, online or not.
    func members(of channel: ChannelName) async throws(PresenceError) -> [ClientID]
    /// All channels with a member.
    func channels() async throws(PresenceError) -> [ChannelCount]
    /// For each client, in the order asked, the names of the nodes that have connections of it.
    func nodes(of clients: [ClientID]) async throws(PresenceError) -> [[String]]

    /// Called by the node, once its subscription stands. The host must not be kept alive.
    func attach(to host: any PresenceHost)

    /// nil, or how many nodes this presence can serve: `presence.memory` knows one process.
    var maximumNodes: Int? { get }

    /// Whether an update has a cost of its own, a round trip to a server: then updates of a burst are some milliseconds
    /// apart, so that each has more changes to store. A change that comes alone is stored at once.
    var gathersBursts: Bool { get }

    /// Returns when presence can be stored and asked; throws on cancellation.
    func ready() async throws
}

extension PresenceHook {
    public var maximumNodes: Int? { nil }
    public var gathersBursts: Bool { false }
    public func attach(to host: any PresenceHost) {}

    public func ban(_ client: ClientID, for duration: Duration) async throws(PresenceError) {
        throw PresenceError(
            .unsupported, "the presence module of this node cannot ban; use presence.memory or presence.redis")
    }

    public func connectionCount(of client: ClientID) async throws(PresenceError) -> Int {
        try await connectionCounts(of: [client]).first ?? 0
    }

    public func onlineClients() async throws(PresenceError) -> [ClientID] {
        try await allPages { page throws(PresenceError) in try await onlineClients(page) }
    }

    public func members(of channel: ChannelName) async throws(PresenceError) -> [ClientID] {
        try await allPages { page throws(PresenceError) in try await members(of: channel, page) }
    }

    public func channels() async throws(PresenceError) -> [ChannelCount] {
        try await allPages { page throws(PresenceError) in try await channels(page) }
    }

    private func allPages<Item>(
        _ page: (PageRequest) async throws(PresenceError) -> Page<Item>
    ) async throws(PresenceError) -> [Item] {
        var items: [Item] = []
        var request = PageRequest(limit: PageRequest.maximumLimit)
        repeat {
            let page = try await page(request)
            items += page.items
            request.cursor = page.next
        } while request.cursor != nil
        return items
    }
}

/// A connection that opened or closed.
public struct ConnectionChange: Sendable, Equatable {
    public enum Kind: Sendable { case opened, closed }

    public var kind: Kind
    public var identity: Identity
    /// nil for a connection that no policy concerns and that cannot be refused.
    public var connection: ConnectionID?

    public init(_ kind: Kind, _ identity: Identity, connection: ConnectionID? = nil) {
        self.kind = kind
        self.identity = identity
        self.connection = connection
    }
}

/// What a change led to: a client came online or went offline, or a connection was not let in.
public struct PresenceTransition: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case online, offline
        case refused(ConnectionRefusal)
    }

    public var kind: Kind
    /// With the metadata of the connection that made the difference.
    public var identity: Identity
    /// The channels that a client left by going offline.
    public var left: [ChannelName]
    /// The connection that was refused.
    public var connection: ConnectionID?

    public init(
        _ kind: Kind, _ identity: Identity, left: [ChannelName] = [], connection: ConnectionID? = nil
    ) {
        self.kind = kind
        self.identity = identity
        self.left = left
        self.connection = connection
    }
}

/// Why a connection is not let in by presence.
public enum ConnectionRefusal: Sendable, Equatable {
    /// The client is banned for so long.
    case banned(Duration)
    /// The client has as many connections as it may; see ``DevicePolicy/Reaction/denyNew``.
    case tooManyConnections(limit: Int)
}

/// A channel and the number of its members.
public struct ChannelCount: Sendable, Equatable {
    public var channel: ChannelName
    public var members: Int

    public init(channel: ChannelName, members: Int) {
        self.channel = channel
        self.members = members
    }
}

/// Why presence could not be stored or asked.
public struct PresenceError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The cursor is not one that this module gave out.
        public static let invalidCursor = Code(description: "invalid_cursor")
        /// The store, or the bus on which changes are told, could not be reached.
        public static let unavailable = Code(description: "unavailable")
        /// A limit is reached.
        public static let limitReached = Code(description: "limit_reached")
        /// The client is in as many channels as it may; see ``ChannelLimits/channelsPerClient``.
        public static let tooManyChannels = Code(description: "too_many_channels")
        /// The channel has as many members as it may; see ``ChannelLimits/membersPerChannel``.
        public static let channelFull = Code(description: "channel_full")
        /// This presence does not have what was asked for.
        public static let unsupported = Code(description: "unsupported")
    }

    public var code: Code
    public var message: String
    public var underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public var description: String { "\(message) [\(code)]" }
}
