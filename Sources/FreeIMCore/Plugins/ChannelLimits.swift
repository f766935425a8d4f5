import Metrics

/// In how many channels a client may be, and how many members a channel may have, in the whole cluster. Presence keeps to it
/// where it stores a join; all nodes of a cluster, and business services with a messenger of their own, must be told the same.
///
/// What FreeIM's ImHelper joins is not refused, and counts. Existing memberships never end by a limit.
public struct ChannelLimits: Sendable, Equatable {
    /// Channels of one client; 0: any number. When the client's last connection ends, one script of Redis leaves all of them.
    public var channelsPerClient = 1_000
    /// Members of one channel; 0: any number. Below the 1,048,576 elements that one answer of Redis may have here, so that a
    /// channel can always be listed and pruned.
    public var membersPerChannel = 1_000_000

    public init() {}

    public var isActive: Bool { channelsPerClient > 0 || membersPerChannel > 0 }

    public mutating func read(from section: inout Section) {
        section.read(
            "channels_per_client", into: &channelsPerClient, .range(0...1_000_000),
            "Channels that one client may be in; beyond it joins are refused. 0: any number. The same on every node.")
        section.read(
            "members_per_channel", into: &membersPerChannel, .range(0...1_000_000_000),
            "Members that one channel may have; beyond it joins are refused. 0: any number. The same on every node.")
    }
}

extension PresenceError {
    /// - Parameter limit: see ``ChannelLimits/channelsPerClient``.
    package static func tooManyChannels(_ client: ClientID, limit: Int) -> PresenceError {
        PresenceError(
            .tooManyChannels,
            """
            client '\(client)' would be in more than \(limit) channels, the 'channels_per_client' of presence; let it leave \
            some first, or raise the limit on every node
            """)
    }

    /// - Parameter limit: see ``ChannelLimits/membersPerChannel``.
    package static func channelFull(_ channel: ChannelName, limit: Int) -> PresenceError {
        PresenceError(
            .channelFull,
            """
            channel '\(channel.text)' has its \(limit) members, the 'members_per_channel' of presence; remove some first, or \
            raise the limit on every node
            """)
    }
}

/// Counts the joins that ``ChannelLimits`` refused, calls of one client each; made once by a presence.
package struct RefusedJoins: Sendable {
    private let ofClients = Self.counter("channels_per_client")
    private let ofChannels = Self.counter("members_per_channel")

    package init() {}

    /// Only errors that say that a limit is reached.
    package func count(_ error: PresenceError) {
        switch error.code {
        case .tooManyChannels: ofClients.increment()
        case .channelFull: ofChannels.increment()
        default: break
        }
    }

    private static func counter(_ limit: String) -> Counter {
        Counter(label: "freeim_presence_joins_refused_total", dimensions: [("limit", limit)])
    }
}
