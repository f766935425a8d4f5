public import FreeIMCore
public import Logging
import Metrics
public import NIOCore
import RedisClient
import Synchronization

/// The bus of a cluster: Redis pub/sub.
///
/// Messages of all publishers are pipelined over one connection, in the order of the calls. While Redis is away they
/// wait until the client's command timeout; but what is for this node alone is then handed to its inboxes directly, so
/// that terminals of one node go on talking to each other. What was under way when the bus was lost may arrive behind
/// what was handed over directly.
public final class RedisTransport: Transport {
    public let link: RedisLink
    private let maxPending: Int
    /// nil in a process that is no node: it has nothing to be reached for.
    private let watch: BusWatch?
    private let inboxes: Mutex<InboxTable>
    private let metrics: RedisTransportMetrics
    private let hasOwnSubjects: Bool

    /// - Parameters:
    ///   - node: nil for a process that is no node, a business service.
    ///   - link: ``run()`` runs its client.
    public convenience init(
        _ configuration: RedisTransportConfiguration = RedisTransportConfiguration(), node: NodeIdentity?,
        link: RedisLink, logger: Logger
    ) {
        self.init(configuration, node: node, link: link, logger: logger, metrics: RedisTransportMetrics())
    }

    init(
        _ configuration: RedisTransportConfiguration, node: NodeIdentity?, link: RedisLink, logger: Logger,
        metrics: RedisTransportMetrics
    ) {
        let ownSubjects = node?.ownSubjects ?? []
        self.link = link
        self.metrics = metrics
        maxPending = configuration.maxPending
        watch = node.map { _ in BusWatch(configuration, link: link, metrics: metrics, logger: logger) }
        inboxes = Mutex(InboxTable(ownSubjects: ownSubjects))
        hasOwnSubjects = !ownSubjects.isEmpty
    }

    public func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.link.run() }
            if let watch { group.addTask { await watch.run() } }
            // The link ends when it has been stopped, or cannot be run at all.
            _ = try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    public func ready() async throws {
        if let watch { return try await watch.ready() }
        try await link.ready()
    }

    // MARK: Subscriptions

    public func subscribe(_ inbox: any TransportInbox, to subjects: [String]) async throws(TransportError) {
        let receiver = inboxes.withLock { table in
            table.begin(inbox) {
                RedisInbox(
                    inbox, clientLoop: link.client.eventLoop, maxPending: maxPending, dropped: metrics.dropped)
            }
        }
        do {
            try await link.client.subscribe(receiver, to: subjects)
        } catch {
            inboxes.withLock { $0.fail(receiver) }
            throw TransportError(redis: error)
        }
        inboxes.withLock { $0.confirm(receiver, subjects) }
    }

    public func unsubscribe(_ inbox: any TransportInbox) async {
        guard let receiver = inboxes.withLock({ $0.remove(inbox) }) else { return }
        receiver.close()
        await link.client.unsubscribe(receiver)
    }

    // MARK: Publishing

    public func publish(_ messages: [BusMessage]) -> EventLoopFuture<Void> {
        guard hasOwnSubjects, let watch, !watch.isUp else { return send(messages) }
        return publishDuringOutage(messages)
    }

    private func send(_ messages: [BusMessage]) -> EventLoopFuture<Void> {
        let client = link.client
        let limit = client.configuration.maxInFlight
        guard messages.count > limit else { return send(messages[...]) }
        let portions = stride(from: 0, to: messages.count, by: limit).map {
            send(messages[$0..<min($0 + limit, messages.count)])
        }
        return .andAllSucceed(portions, on: client.eventLoop)
    }

    private func send(_ messages: ArraySlice<BusMessage>) -> EventLoopFuture<Void> {
        let commands = messages.map { RedisCommand("PUBLISH", .string($0.subject), .bytes($0.body)) }
        let failures = metrics.publishFailures
        return link.client.pipeline(commands).flatMapThrowing { replies in
            for case .error(let error) in replies { throw error }
        }.flatMapErrorThrowing { error in
            failures.increment(by: commands.count)
            throw TransportError(redis: error)
        }
    }

    private func publishDuringOutage(_ messages: [BusMessage]) -> EventLoopFuture<Void> {
        var others: [BusMessage] = []
        var own: [(receiver: RedisInbox, messages: [BusMessage])] = []
        for message in messages {
            let receivers = inboxes.withLock { $0.receivers(ofOwn: message.subject) }
            if receivers.isEmpty { others.append(message) }
            for receiver in receivers {
                if let index = own.firstIndex(where: { $0.receiver === receiver }) {
                    own[index].messages.append(message)
                } else {
                    own.append((receiver, [message]))
                }
            }
        }
        var refused = 0
        for (receiver, messages) in own {
            if receiver.deliver(messages) {
                metrics.direct.increment(by: messages.count)
            } else {
                refused += messages.count
            }
        }
        guard refused == 0 else {
            metrics.dropped.increment(by: refused)
            return link.client.eventLoop.makeFailedFuture(
                TransportError(
                    .overloaded,
                    "\(maxPending) messages wait for a subscriber of this node; slow down, or raise 'max_pending'"))
        }
        return others.isEmpty ? link.client.eventLoop.makeSucceededVoidFuture() : send(others)
    }
}
