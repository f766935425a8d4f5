import Metrics
/// Clients on other nodes, and at home there.
extension Router {
    func forceOffline(_ client: ClientID, isForwarded: Bool) {
        if !isForwarded {
            if let elsewhere = locations[client] {
                for node in elsewhere.nodes { forward(.forceOffline(client), to: node) }
            } else if directory.entry(of: client) == nil, !isHome(of: client) {
                return onMisrouted(.forceOffline(client))
            }
        }
        guard let entry = directory.entry(of: client) else { return metrics.offline.increment() }
        burst.add(.close(client, .forcedOffline, reason: "forced offline"), in: entry.shards)
    }

    /// See ``Envelope/close(_:)``.
    func close(_ command: CloseCommand) {
        guard let entry = directory.entry(of: command.client) else { return metrics.offline.increment() }
        guard !command.connections.isEmpty else {
            return burst.add(.close(command.client, command.code, reason: command.reason), in: entry.shards)
        }
        for connection in command.connections where connection.epoch == epoch && entry.shards.contains(connection.shard)
        {
            burst.add(
                .closeOne(connection.socket, command.client, command.code, reason: command.reason),
                in: [connection.shard])
        }
    }

    func isHome(of client: ClientID) -> Bool {
        partition.server(for: client) == identity.name
    }

    private func isElsewhere(_ client: ClientID) -> Bool {
        locations[client] != nil || (!isConnected(client) && !isHome(of: client))
    }

    /// Sends a message on to the nodes where its receivers are as well; those that are only there are taken out.
    func forwardWhereElsewhere(_ message: inout DirectMessage) {
        // Nearly always all of them are here.
        guard message.receivers.contains(where: isElsewhere) else { return }
        var remaining: [ClientID] = []
        for receiver in message.receivers {
            let entry = directory.entry(of: receiver)
            if let elsewhere = locations[receiver] {
                if receiver == message.sender, connections(of: receiver, entry) <= 1 { continue }
                var copy = message
                copy.receivers = [receiver]
                for (index, node) in elsewhere.nodes.enumerated() {
                    // One receipt is enough: this node's where the client is here, or else the first one's.
                    copy.wantsReceipt = message.wantsReceipt && entry == nil && index == 0
                    forward(.direct(copy), to: node)
                }
                if entry == nil { continue }
            } else if entry == nil, !isHome(of: receiver) {
                var copy = message
                copy.receivers = [receiver]
                onMisrouted(.direct(copy))
                continue
            }
            remaining.append(receiver)
        }
        message.receivers = remaining
    }

    private func forward(_ envelope: Envelope, to node: String) {
        metrics.forwarded.increment()
        outgoing.append(
            BusMessage(subject: subjects.first.server(node), body: EnvelopeCodec.encode(.forwarded(envelope))))
    }

    /// What became of a misrouted message: the nodes where its receiver is.
    func found(_ misrouted: MisroutedMessage, on nodes: [String]) {
        for (index, node) in nodes.enumerated() {
            var envelope = misrouted.envelope
            if case .direct(var message) = envelope, index > 0 {
                message.wantsReceipt = false
                envelope = .direct(message)
            }
            forward(envelope, to: node)
        }
        if nodes.isEmpty {
            metrics.offline.increment()
            if case .direct(let message) = misrouted, message.wantsReceipt, let receiver = message.receivers.first,
                receiver != message.sender
            {
                sendReceipt(for: message, from: receiver, delivered: false)
            }
        }
        publishSoon()
    }
}
