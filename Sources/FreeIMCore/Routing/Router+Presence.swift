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
        if let entry = directory.entry(of: change.client) {
            burst.add(.apply(change), in: entry.shards)
        }
        if change.kind == .exact {
            for envelope in held.told(change.client) { receive(envelope) }
            return
        }
        guard change.announce, configuration.eventBus?.membership == true, change.kind != .present else { return }
        let subjects = subjects[change.client]
        outgoing.append(
            BusMessage(
                subject: change.kind == .joined ? subjects.joined : subjects.left,
                body: PresenceEventBody.encode(change.client, change.channels)))
    }
}
