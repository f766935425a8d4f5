import Metrics
import NIOCore

/// The index follows presence, and messages wait for it.
extension Router {
    func isConnected(_ client: ClientID) -> Bool { directory.entry(of: client) != nil }

    /// See ``PresenceHost/hold(_:)``.
    func hold(_ clients: [ClientID]) {
        for client in clients {
            while held.isFull { giveUpWait() }
            held.wait(for: client)
        }
        guard held.isHolding, !isCountingTurns else { return }
        isCountingTurns = true
        countTurn()
    }

    /// After it, channels are served as the index knows them. In turns of the loop, so that what came while the loop stood
    /// still is read before.
    private static let longestHold: UInt64 = 8
    private static let turn = TimeAmount.milliseconds(250)

    private func countTurn() {
        ownLoop.scheduleTask(in: Self.turn) { [weak self] in
            guard let self else { return }
            guard held.isHolding else { return isCountingTurns = false }
            held.nextTurn()
            if held.isOverdue(after: Self.longestHold) {
                while held.isOverdue(after: Self.longestHold) { giveUpWait() }
                burstEnded()
            }
            countTurn()
        }
    }

    private func giveUpWait() {
        metrics.holdsExpired.increment()
        for envelope in held.giveUpLongest() { receive(envelope) }
    }

    /// See ``PresenceHost/release(_:)``.
    func release(_ clients: [ClientID]) {
        for client in clients {
            for envelope in held.giveUp(client) { receive(envelope) }
        }
    }

    /// Nothing has to be known of a client that is gone.
    func releaseAll(_ client: ClientID) {
        guard held.awaits(client) else { return }
        while held.awaits(client) { release([client]) }
        ownLoop.execute { self.burstEnded() }
    }

    /// Whether a message is among those that wait, or has ended a wait.
    func holdBack(_ envelope: Envelope) -> Bool {
        if case .membership(let change) = envelope {
            if change.kind == .exact, held.awaits(change.client) {
                for envelope in held.told(change) { receive(envelope) }
                return true
            }
        } else if !envelope.isMessage {
            return false
        }
        while held.isFull { giveUpWait() }
        guard held.isHolding else { return false }
        held.add(envelope)
        return true
    }

    func receive(_ change: MembershipChange) {
        apply(change)
        guard change.announce, configuration.eventBus?.membership == true else { return }
        let subjects = subjects[change.client]
        switch change.kind {
        case .joined: publishLater(subjects.joined, change)
        case .left: publishLater(subjects.left, change)
        case .present, .exact: break
        }
    }

    private func publishLater(_ subject: String, _ change: MembershipChange) {
        outgoing.append(
            BusMessage(subject: subject, body: PresenceEventBody.encode(change.client, change.channels)))
    }

    private func apply(_ change: MembershipChange) {
        guard let entry = directory.entry(of: change.client) else { return }
        burst.add(.apply(change), in: entry.shards)
    }
}
