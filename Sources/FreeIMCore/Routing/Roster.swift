/// Which connections of a shard belong to which client, and which clients are in which channels.
///
/// Connections are indices into the shard's table. A channel keeps its members' indices side by side, a connection
/// its channels and its position in each, so that a fan-out is one walk over an array and leaving costs no search
/// in the channel.
struct Roster {
    /// A connection's part in one channel.
    private struct Membership {
        let channel: UInt32
        /// The index in the channel's ``Channel/members``.
        var position: UInt32
    }

    private struct Channel {
        let name: ChannelName
        var members: ContiguousArray<UInt32> = []
    }

    /// A client's connections; nearly always one.
    private enum Sockets {
        case one(UInt32)
        case several(ContiguousArray<UInt32>)
    }

    private var clients: [ClientID: Sockets] = [:]
    private var channelIndices: [ChannelName: UInt32] = [:]
    private var channels: ContiguousArray<Channel?> = []
    private var freeChannels: ContiguousArray<UInt32> = []
    /// By connection.
    private var memberships: ContiguousArray<ContiguousArray<Membership>> = []

    var clientCount: Int { clients.count }
    var channelCount: Int { channelIndices.count }

    /// Adds a connection, to the channels in which the client's other connections of this shard are.
    mutating func insert(_ client: ClientID, _ socket: UInt32) {
        while memberships.count <= Int(socket) { memberships.append([]) }
        switch clients[client] {
        case nil:
            clients[client] = .one(socket)
        case .one(let first):
            clients[client] = .several([first, socket])
            copyMemberships(from: first, to: socket)
        case .several(var sockets):
            clients[client] = nil
            if let first = sockets.first { copyMemberships(from: first, to: socket) }
            sockets.append(socket)
            clients[client] = .several(sockets)
        }
    }

    /// Removes a connection from its client and its channels. Returns whether the client has others in this shard.
    mutating func remove(_ client: ClientID, _ socket: UInt32) -> Bool {
        for membership in memberships[Int(socket)].reversed() {
            removeMember(membership)
        }
        memberships[Int(socket)] = []
        switch clients[client] {
        case .several(var sockets):
            sockets.removeAll { $0 == socket }
            clients[client] = sockets.count == 1 ? .one(sockets[0]) : .several(sockets)
            return true
        default:
            clients[client] = nil
            return false
        }
    }

    /// The connection of a client that has exactly one. Changes nothing, but is called in place so: for a call that
    /// reads, the compiler copies the roster out of its shard, which is five counts up and down per message.
    mutating func onlySocket(of client: ClientID) -> UInt32? {
        if case .one(let socket)? = clients[client] { socket } else { nil }
    }

    /// Calls `body` for each connection of a client. Returns false where there is none.
    @discardableResult
    func forEachSocket(of client: ClientID, _ body: (UInt32) -> Void) -> Bool {
        switch clients[client] {
        case nil: return false
        case .one(let socket): body(socket)
        case .several(let sockets): sockets.forEach(body)
        }
        return true
    }

    /// The connections in a channel, in no particular order.
    func members(of channel: ChannelName) -> ContiguousArray<UInt32> {
        guard let index = channelIndices[channel] else { return [] }
        return channels[Int(index)]?.members ?? []
    }

    /// Makes all connections of a client members; without effect where the client has none here.
    mutating func join(_ client: ClientID, _ channel: ChannelName) {
        switch clients[client] {
        case nil: break
        case .one(let socket): add(socket, to: index(of: channel))
        case .several(let sockets):
            let index = index(of: channel)
            for socket in sockets { add(socket, to: index) }
        }
    }

    mutating func leave(_ client: ClientID, _ channel: ChannelName) {
        guard let index = channelIndices[channel] else { return }
        switch clients[client] {
        case nil: break
        case .one(let socket): leave(socket, index)
        case .several(let sockets):
            for socket in sockets { leave(socket, index) }
        }
    }

    /// Makes all connections of a client members of these channels and of no others.
    mutating func set(_ client: ClientID, _ channels: [ChannelName]) {
        let wanted = Set(channels)
        for channel in self.channels(of: client) where !wanted.contains(channel) { leave(client, channel) }
        for channel in channels { join(client, channel) }
    }

    /// The channels of a client's connections here.
    func channels(of client: ClientID) -> [ChannelName] {
        let socket: UInt32? =
            switch clients[client] {
            case nil: nil
            case .one(let socket): socket
            case .several(let sockets): sockets.first
            }
        guard let socket else { return [] }
        return memberships[Int(socket)].compactMap { channels[Int($0.channel)]?.name }
    }

    private mutating func index(of channel: ChannelName) -> UInt32 {
        if let index = channelIndices[channel] { return index }
        let index: UInt32
        if let free = freeChannels.popLast() {
            index = free
            channels[Int(free)] = Channel(name: channel)
        } else {
            index = UInt32(channels.count)
            channels.append(Channel(name: channel))
        }
        channelIndices[channel] = index
        return index
    }

    private mutating func copyMemberships(from other: UInt32, to socket: UInt32) {
        for membership in memberships[Int(other)] { add(socket, to: membership.channel) }
    }

    private mutating func add(_ socket: UInt32, to channel: UInt32) {
        guard !memberships[Int(socket)].contains(where: { $0.channel == channel }) else { return }
        guard let position = channels[Int(channel)]?.members.count else { return }
        channels[Int(channel)]?.members.append(socket)
        memberships[Int(socket)].append(Membership(channel: channel, position: UInt32(position)))
    }

    private mutating func leave(_ socket: UInt32, _ channel: UInt32) {
        guard let place = memberships[Int(socket)].firstIndex(where: { $0.channel == channel }) else { return }
        removeMember(memberships[Int(socket)].remove(at: place))
    }

    /// Takes a member out of its channel; the channel's last member takes its position.
    private mutating func removeMember(_ membership: Membership) {
        let channel = Int(membership.channel)
        guard let last = channels[channel]?.members.popLast() else { return }
        let position = Int(membership.position)
        if let count = channels[channel]?.members.count, position < count {
            channels[channel]?.members[position] = last
            if let place = memberships[Int(last)].firstIndex(where: { $0.channel == membership.channel }) {
                memberships[Int(last)][place].position = membership.position
            }
        }
        if channels[channel]?.members.isEmpty == true, let name = channels[channel]?.name {
            channels[channel] = nil
            channelIndices[name] = nil
            freeChannels.append(membership.channel)
        }
    }
}
