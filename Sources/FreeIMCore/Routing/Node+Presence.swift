import Logging
import Metrics
import NIOCore

extension Node: PresenceHost {
    public var eventBus: EventBus? { configuration.eventBus }

    public func hold(_ clients: [ClientID]) {
        router.value.hold(clients)
    }

    public func release(_ clients: [ClientID]) {
        router.value.release(clients)
        router.value.burstEnded()
    }

    public func isConnected(_ client: ClientID) -> Bool {
        router.value.isConnected(client)
    }

    public func announce(_ transitions: [PresenceTransition]) async {
        await publish(events(of: [], transitions))
    }

    public func indexedChannels(of clients: [ClientID]) async -> [ClientID: [ChannelName]] {
        var channels: [ClientID: [ChannelName]] = [:]
        for handle in shards {
            let found = try? await handle.submit { shard in
                clients.lazy.map { ($0, shard.channels(of: $0)) }.filter { !$0.1.isEmpty }
            }
            for (client, names) in found ?? [] { channels[client] = names }
        }
        return channels
    }

    /// Stores connections that opened and closed, batch after batch, until there are no more.
    func storeChanges() async {
        let gathersBursts = configuration.presence.gathersBursts
        var refused = RefusedConnections()
        while let all = await changes.next() {
            let start = ContinuousClock.now
            let pending = refused.takeOut(all)
            guard !pending.isEmpty else { continue }
            let transitions = await store(pending.map(\.change))
            refused.note(transitions ?? [], among: pending)
            // Whatever became of it: those who wait for it are let in, unless they were refused.
            answer(pending, refused)
            if let transitions {
                await publish(events(of: refused.letIn(pending).map(\.change), transitions))
            }
            guard gathersBursts else { continue }
            // Cancelled, it goes on at once with what is left.
            try? await Task.sleep(until: start + BurstPace.pause(after: pending.count), clock: .continuous)
        }
    }

    /// nil where presence failed.
    private func store(_ batch: [ConnectionChange]) async -> [PresenceTransition]? {
        do {
            return try await configuration.presence.update(batch, on: identity.name)
        } catch {
            metrics.presenceFailures.increment(by: batch.count)
            logger.error(
                "presence not stored", metadata: [LogKey.count: "\(batch.count)", LogKey.error: "\(error)"])
            return nil
        }
    }

    private func answer(_ pending: [PendingChange], _ refused: RefusedConnections) {
        var opened = [[SocketID]](repeating: [], count: shards.count)
        for entry in refused.letIn(pending) where entry.change.kind == .opened {
            opened[entry.shard].append(entry.socket)
        }
        for (shard, sockets) in zip(shards, opened) where !sockets.isEmpty {
            shard.run { $0.answer(sockets) }
        }
        for (connection, refusal) in refused.latest where shards.indices.contains(connection.shard) {
            metrics.count(refusal)
            shards[connection.shard].run { $0.refuse(connection.socket, refusal) }
        }
    }

    private func events(of changes: [ConnectionChange], _ transitions: [PresenceTransition]) -> [BusMessage] {
        guard let eventBus = configuration.eventBus else { return [] }
        let subjects = ClientSubjects(identity)
        func message(_ isOnline: Bool, _ client: Identity) -> BusMessage {
            BusMessage(
                subject: isOnline ? subjects[client.client].online : subjects[client.client].offline,
                body: PresenceEventBody.encode(client))
        }
        var messages: [BusMessage] = []
        if eventBus.announce == .everyConnection {
            messages = changes.map { message($0.kind == .opened, $0.identity) }
        }
        for transition in transitions {
            if case .refused = transition.kind { continue }
            if eventBus.announce == .firstAndLast {
                messages.append(message(transition.kind == .online, transition.identity))
            }
            if eventBus.membership, !transition.left.isEmpty {
                let body = PresenceEventBody.encode(transition.identity.client, transition.left)
                messages.append(
                    BusMessage(subject: subjects[transition.identity.client].left, body: body))
            }
        }
        return messages
    }

    private func publish(_ messages: [BusMessage]) async {
        guard !messages.isEmpty else { return }
        do {
            try await configuration.transport.publish(messages).get()
        } catch {
            metrics.unpublished.increment(by: messages.count)
            logger.warning(
                "events not published", metadata: [LogKey.count: "\(messages.count)", LogKey.error: "\(error)"])
        }
    }
}

extension Node {
    /// Looks for the receivers of misrouted messages, batch after batch, until the node stops.
    func forwardMisrouted() async {
        while let batch = await misrouted.next() {
            let clients = batch.map { $0.client ?? ClientID(0) }
            do {
                let nodes = try await configuration.presence.nodes(of: clients)
                onBusLoop { router in
                    for (message, nodes) in zip(batch, nodes) { router.found(message, on: nodes) }
                }
            } catch {
                metrics.misroutedLost.increment(by: batch.count)
                logger.warning(
                    "misrouted messages not forwarded",
                    metadata: [LogKey.count: "\(batch.count)", LogKey.error: "\(error)"])
            }
        }
    }

    /// On the bus loop.
    func take(_ message: MisroutedMessage) {
        metrics.misrouted.increment()
        if !misrouted.offer(message) { metrics.misroutedLost.increment() }
    }
}

/// A connection that opened or closed, on its way to presence.
struct PendingChange: Sendable {
    let change: ConnectionChange
    let shard: Int
    let socket: SocketID
}
