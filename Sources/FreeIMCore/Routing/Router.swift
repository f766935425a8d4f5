import Metrics
import NIOCore

/// Turns the bus's messages into commands for the shards. Only on the node's bus loop, which is where the transport
/// delivers; nothing here waits, locks or logs.
final class Router {
    let configuration: NodeConfiguration
    let metrics: NodeMetrics
    /// Hands a burst to a shard, on that shard's loop or on the way there.
    private let dispatch: (Int, [ShardCommand]) -> Void
    var directory = Directory()
    var burst: Burst
    private var receipts = ReceiptBook()
    /// Receipts and events that go out together.
    var outgoing: [BusMessage] = []
    let partition: Partition
    let identity: NodeIdentity
    let subjects: ClientSubjects
    var locations: Locations
    var held = HeldMessages()
    var isCountingTurns = false
    /// Takes what is for clients that are neither here nor at home here, and are to be looked for.
    var onMisrouted: (MisroutedMessage) -> Void = { _ in }
    /// Told the bytes of each message that is dropped because it has more than it may.
    var onOversized: (Int) -> Void = { _ in }
    let maximumMessageBytes: Int
    private let allShards: ShardSet
    private let hooks: [any MessageHook]
    let eventLoop: any EventLoop
    /// For what comes later, which may hold the router, though it is not Sendable: that this is its own loop is checked.
    var ownLoop: NIOIsolatedEventLoop { eventLoop.assumeIsolated() }
    /// Of the connections of this process.
    let epoch: UInt64
    /// Within a burst, or until the loop's next turn, what goes out gathers.
    private var isGathering = false

    init(
        configuration: NodeConfiguration, metrics: NodeMetrics, eventLoop: any EventLoop, shards: Int,
        epoch: UInt64 = 0, dispatch: @escaping (Int, [ShardCommand]) -> Void
    ) {
        self.configuration = configuration
        self.metrics = metrics
        self.eventLoop = eventLoop
        self.epoch = epoch
        self.dispatch = dispatch
        self.burst = Burst(shards: shards)
        self.partition = configuration.identity.partition
        self.identity = configuration.identity
        self.subjects = ClientSubjects(configuration.identity)
        self.locations = Locations(node: configuration.identity.name)
        self.hooks = configuration.messageHooks
        self.maximumMessageBytes = configuration.maximumMessage.bytes
        var all: ShardSet = []
        for shard in 0..<shards { all.insert(shard) }
        self.allShards = all
    }

    // MARK: From the bus

    func receive(_ body: ByteBuffer) {
        metrics.received.increment()
        let envelope: Envelope
        do {
            envelope = try EnvelopeCodec.decode(body)
        } catch {
            if error.code != .keepAlive { metrics.malformed.increment() }
            return
        }
        // A message is never longer than its body.
        if body.readableBytes > maximumMessageBytes, let bytes = excess(of: envelope) {
            metrics.oversized.increment()
            return onOversized(bytes)
        }
        if held.isHolding, holdBack(envelope) { return }
        receive(envelope)
    }

    func receive(_ envelope: consuming Envelope) {
        switch consume envelope {
        case .direct(let message): receive(message)
        case .channel(let sender, let channel, let payload):
            spread(.channel(channel), .channel(channel), sender: sender, payload: payload)
        case .broadcast(let sender, let payload):
            spread(.everyone, .everyone, sender: sender, payload: payload)
        case .forceOffline(let client): forceOffline(client, isForwarded: false)
        case .membership(let change): receive(change)
        case .location(let location):
            locations.told(location, isWanted: isConnected(location.client) || isHome(of: location.client))
        case .forwarded(.direct(let message)): receiveForwarded(message)
        case .forwarded(.forceOffline(let client)): forceOffline(client, isForwarded: true)
        case .forwarded(.close(let command)): close(command)
        case .forwarded, .close: metrics.malformed.increment()
        }
    }

    /// The transport has nothing more right now.
    func burstEnded() {
        isGathering = true
        // Backwards: the first shard is on this loop, and its work would keep the others from beginning theirs.
        for (shard, commands) in burst.take().enumerated().reversed() where !commands.isEmpty {
            dispatch(shard, commands)
        }
        publishOutgoing()
    }

    func spread(
        _ audience: OutboundMessage.Audience, _ target: Delivery.Audience, sender: ClientID?, payload: ByteBuffer
    ) {
        guard configuration.channels != nil else { return metrics.unsupported.increment() }
        guard let payload = pass(payload, sender: sender, audience: audience) else { return }
        burst.add(target, payload, excluded: sender.flatMap(clientWithOneConnection))
    }

    private func receive(_ message: DirectMessage) {
        guard configuration.direct != nil else { return metrics.unsupported.increment() }
        if let receiver = onlyReceiver(of: message), let entry = directory.entry(of: receiver) {
            guard let payload = pass(message.payload, sender: message.sender, audience: .clients(message.receivers))
            else { return }
            return deliver(payload, of: message, to: receiver, entry)
        }
        var message = message
        let isStopped: Bool
        if let payload = pass(message.payload, sender: message.sender, audience: .clients(message.receivers)) {
            message.payload = payload
            forwardWhereElsewhere(&message)
            isStopped = false
        } else {
            isStopped = true
        }
        deliver(message, isStopped: isStopped)
    }

    /// What most messages have: one receiver, of whom nothing is known on other nodes, and no wish for a receipt.
    private func onlyReceiver(of message: DirectMessage) -> ClientID? {
        guard message.receivers.count == 1, !message.wantsReceipt, locations[message.receivers[0]] == nil else {
            return nil
        }
        return message.receivers[0]
    }

    private func receiveForwarded(_ message: DirectMessage) {
        guard configuration.direct != nil else { return metrics.unsupported.increment() }
        deliver(message, isStopped: false)
    }

    private func deliver(_ message: DirectMessage, isStopped: Bool) {
        if message.wantsReceipt, message.sender != nil {
            for receiver in message.receivers { deliverWithReceipt(message, to: receiver, isStopped: isStopped) }
        } else if isStopped {
            return
        } else if message.receivers.count == 1 {
            deliver(message, to: message.receivers[0])
        } else {
            deliverToSeveral(message)
        }
    }

    private func deliver(_ message: DirectMessage, to receiver: ClientID) {
        guard let entry = directory.entry(of: receiver) else { return metrics.offline.increment() }
        deliver(message.payload, of: message, to: receiver, entry)
    }

    private func deliver(
        _ payload: ByteBuffer, of message: DirectMessage, to receiver: ClientID, _ entry: Directory.Entry
    ) {
        guard !isOwnEcho(receiver, of: message, entry) else { return }
        burst.add(client: receiver, in: entry.shards, payload, receipt: nil)
    }

    private func deliverToSeveral(_ message: DirectMessage) {
        var byShard: [Int: [ClientID]] = [:]
        for receiver in message.receivers {
            guard let entry = directory.entry(of: receiver) else {
                metrics.offline.increment()
                continue
            }
            guard !isOwnEcho(receiver, of: message, entry) else { continue }
            entry.shards.forEach { byShard[$0, default: []].append(receiver) }
        }
        if !byShard.isEmpty { burst.add(clients: byShard, message.payload) }
    }

    private func deliverWithReceipt(_ message: DirectMessage, to receiver: ClientID, isStopped: Bool) {
        // Nobody gets a receipt for what it sent to itself.
        let isOwn = receiver == message.sender
        guard !isStopped, let entry = directory.entry(of: receiver) else {
            metrics.offline.increment()
            if !isOwn { sendReceipt(for: message, from: receiver, delivered: false) }
            return
        }
        guard !isOwn else { return deliver(message, to: receiver) }
        guard let receipt = receipts.open(message, receiver: receiver, shards: entry.shards.count) else {
            metrics.receiptsDropped.increment()
            return deliver(message, to: receiver)
        }
        burst.add(client: receiver, in: entry.shards, message.payload, receipt: receipt)
    }

    private func isOwnEcho(_ receiver: ClientID, of message: DirectMessage, _ entry: Directory.Entry) -> Bool {
        receiver == message.sender && connections(of: receiver, entry) <= 1
    }

    private func clientWithOneConnection(_ client: ClientID) -> ClientID? {
        guard let entry = directory.entry(of: client), connections(of: client, entry) <= 1 else { return nil }
        return client
    }

    /// Those on other nodes included.
    func connections(of client: ClientID, _ entry: Directory.Entry?) -> Int {
        (entry?.connections ?? 0) + (locations[client]?.connections ?? 0)
    }

    /// The payload as the hooks leave it; nil where one stops the message.
    private func pass(_ payload: ByteBuffer, sender: ClientID?, audience: OutboundMessage.Audience) -> ByteBuffer? {
        guard !hooks.isEmpty else { return payload }
        var message = OutboundMessage(sender: sender, audience: audience, payload: payload)
        for hook in hooks where hook.willDeliver(&message) == .stop {
            metrics.stopped.increment()
            return nil
        }
        return message.payload
    }

    // MARK: From the shards

    func apply(_ change: ShardChange, shard: Int) {
        switch change.kind {
        case .opened: directory.opened(change.identity.client, in: shard)
        case .closed:
            directory.closed(change.identity.client, in: shard, remains: change.remains)
            if !isConnected(change.identity.client) { releaseAll(change.identity.client) }
        }
        burst.apply(change)
        metrics.clients.record(directory.clientCount)
    }

    /// A shard has written, or failed to write, a message whose sender wants a receipt.
    func settle(_ receipt: ReceiptID, delivered: Bool) {
        guard let entry = receipts.settle(receipt, delivered: delivered) else { return }
        sendReceipt(for: entry.message, from: entry.receiver, delivered: entry.delivered)
        publishSoon()
    }

    func publishSoon() {
        guard !isGathering else { return }
        isGathering = true
        ownLoop.execute { self.publishOutgoing() }
    }

    /// Publishes what receipts and events have gathered.
    private func publishOutgoing() {
        isGathering = false
        guard !outgoing.isEmpty else { return }
        let messages = outgoing
        outgoing.removeAll(keepingCapacity: true)
        configuration.transport.publish(messages).whenFailure { [metrics] _ in
            metrics.unpublished.increment(by: messages.count)
        }
    }

    func sendReceipt(for message: DirectMessage, from receiver: ClientID, delivered: Bool) {
        guard let direct = configuration.direct, let sender = message.sender,
            let server = partition.server(for: sender)
        else { return }
        let text = delivered ? direct.deliveredText : direct.offlineText
        let receipt = DirectMessage(
            sender: receiver, receivers: [sender], payload: ReceiptText.make(content: message.payload, receipt: text))
        let subjects = subjects[sender]
        outgoing.append(
            BusMessage(
                subject: subjects.server(server),
                body: EnvelopeCodec.encode(.direct(receipt), dialect: subjects.dialect)))
    }
}
