public import NIOCore

/// What a node does for its presence, beside calling it.
public protocol PresenceHost: AnyObject, Sendable {
    /// The loop on which the node takes the bus's messages.
    var eventLoop: any EventLoop { get }
    /// nil where the node publishes no events.
    var eventBus: EventBus? { get }

    /// Lets messages wait, in their order and from the next one on, until the bus has told ``MembershipChange/Kind/exact`` of
    /// each of the clients, once for each time that it is named here. To be called on ``eventLoop``.
    ///
    /// They wait for a bounded time and number.
    func hold(_ clients: [ClientID])

    /// Ends a wait for each of the clients, of which the bus will not tell. To be called on ``eventLoop``.
    func release(_ clients: [ClientID])

    /// Whether the node has connections of a client. To be called on ``eventLoop``.
    func isConnected(_ client: ClientID) -> Bool

    /// Publishes the events of transitions that ``PresenceHook/update(_:on:)`` has not returned.
    func announce(_ transitions: [PresenceTransition]) async

    /// In which channels the node's index has clients.
    func indexedChannels(of clients: [ClientID]) async -> [ClientID: [ChannelName]]
}
