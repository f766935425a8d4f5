import Metrics
import NIOCore

/// The index follows presence, and messages wait for it.
extension Router {
    func isConnected(_ client: ClientID) -> Bool { directory.entry(of: client) != nil }

    /// See ``PresenceHost/hold(_:)``.
    func hold(_ clients: [ClientID]) {
        guard held.hold(clients) else { return }
        let wait = held.wait
        // The router is not Sendable; this is its own loop, which is checked.
        eventLoop.assumeIsolated().scheduleTask(in: Self.longestHold) { [weak self] in
            guard let self, held.wait == wait, held.isHolding else { return }
            releaseHeld()
            burstEnded()
        }
    }

    /// After it, channels are served as the index knows them.
    private static let longestHold = TimeAmount.seconds(2)

    func releaseHeld() {
        metrics.holdsExpired.increment()
        for envelope in held.release() { receive(envelope) }
    }

    func receive(_ change: MembershipChange) {
        guard change.kind != .exact else {
            if let changing = held.changing[change.client] {
                apply(change, behind: changing)
            } else {
                apply(change)
            }
            for envelope in held.told(change.client) { receive(envelope) }
            return
        }
        apply(change)
        guard change.announce, configuration.eventBus?.membership == true, change.kind != .present else { return }
        let subjects = subjects[change.client]
        outgoing.append(
            BusMessage(
                subject: change.kind == .joined ? subjects.joined : subjects.left,
                body: PresenceEventBody.encode(change.client, change.channels)))
    }

    private func apply(_ change: MembershipChange) {
        guard let entry = directory.entry(of: change.client) else { return }
        burst.add(.apply(change), in: entry.shards)
    }

    /// A client is told of while changes of its own wait among the messages: what somebody else changed counts for these
    /// messages already, what waits in its place, and all of it behind them.
    private func apply(_ exact: MembershipChange, behind changing: Set<ChannelName>) {
        let unchanged = exact.channels.filter { !changing.contains($0) }
        apply(MembershipChange(.present, client: exact.client, channels: unchanged))
        // Without room it is applied behind what is released for that.
        if !held.add(.membership(exact)) {
            releaseHeld()
            apply(exact)
        }
    }
}
