extension Messenger {
    /// Makes a client, online or not, a member of channels. Returns those in which it was not one before.
    ///
    /// A message that is sent to the channel after this returns reaches the client.
    ///
    /// - Throws: `too_many_channels` or `channel_full` where ``ChannelLimits`` are against one of the memberships; the client
    ///   joins none of the channels then. A channel in which it is already is never too many.
    @discardableResult
    public func join(_ client: ClientID, _ channels: [ChannelName]) async throws(MessengerError) -> [ChannelName] {
        try check(client)
        return try await askingChannels { presence throws(PresenceError) in
            try await presence.join(client, channels)
        }
    }

    /// Ends memberships of a client. Returns the channels in which it was a member.
    @discardableResult
    public func leave(_ client: ClientID, _ channels: [ChannelName]) async throws(MessengerError) -> [ChannelName] {
        try await askingChannels { presence throws(PresenceError) in try await presence.leave(client, channels) }
    }

    /// Ends memberships from the channel's side. Returns the clients that were members.
    @discardableResult
    public func remove(
        _ clients: [ClientID], from channel: ChannelName
    ) async throws(MessengerError) -> [ClientID] {
        try await askingChannels { presence throws(PresenceError) in try await presence.remove(clients, from: channel) }
    }

    /// Ends the memberships of a channel's clients without a connection. Returns their number.
    @discardableResult
    public func removeOfflineMembers(of channel: ChannelName) async throws(MessengerError) -> Int {
        try await askingChannels { presence throws(PresenceError) in
            try await presence.removeOfflineMembers(of: channel)
        }
    }

    /// A channel's members, online or not, a page at a time.
    public func members(
        of channel: ChannelName, _ page: PageRequest = PageRequest()
    ) async throws(MessengerError) -> Page<ClientID> {
        try await askingChannels { presence throws(PresenceError) in try await presence.members(of: channel, page) }
    }

    /// All members of a channel, online or not, in one answer; prefer pages where there are many.
    public func allMembers(of channel: ChannelName) async throws(MessengerError) -> [ClientID] {
        try await askingChannels { presence throws(PresenceError) in try await presence.members(of: channel) }
    }

    /// All channels with their numbers of members, in one answer; prefer pages where there are many.
    public func allChannels() async throws(MessengerError) -> [ChannelCount] {
        try await askingChannels { presence throws(PresenceError) in try await presence.channels() }
    }

    /// The number of a channel's members. A client leaves its channels when its last connection closes, so these are
    /// the clients online, and those that joined and have not connected yet.
    public func onlineCount(in channel: ChannelName) async throws(MessengerError) -> Int {
        try await askingChannels { presence throws(PresenceError) in try await presence.memberCount(of: channel) }
    }

    /// All channels with their numbers of members, a page at a time.
    public func channels(_ page: PageRequest = PageRequest()) async throws(MessengerError) -> Page<ChannelCount> {
        try await askingChannels { presence throws(PresenceError) in try await presence.channels(page) }
    }

    /// The channels of a client.
    public func channels(of client: ClientID) async throws(MessengerError) -> [ChannelName] {
        try await askingChannels { presence throws(PresenceError) in try await presence.channels(of: client) }
    }

    private func askingChannels<Answer>(
        _ question: (any PresenceHook) async throws(PresenceError) -> Answer
    ) async throws(MessengerError) -> Answer {
        try require(.channels, module: "feature.channels")
        return try await asking(question)
    }
}
