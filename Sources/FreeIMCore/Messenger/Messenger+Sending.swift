import NIOCore

extension Messenger {
    /// Sends a message to clients, wherever they are connected; who is offline does not get it.
    ///
    /// Receivers are de-duplicated and grouped by home node (and by FreeIM's generation, see
    /// ``NodeIdentity/dialects``) in first-seen order, one publication per group. No
    /// receivers, no publication.
    ///
    /// - Parameters:
    ///   - sender: nil for the system. A sender with one connection does not get its own message.
    ///   - receipt: whether the sender's connections are told what became of it, per receiver.
    /// - Throws: `message_too_large` beyond ``maximumMessageBytes``.
    public func send(
        _ payload: MessagePayload, from sender: ClientID? = nil, to receivers: [ClientID], receipt: Bool = false
    ) async throws(MessengerError) {
        try require(.direct, module: "feature.direct")
        try check(payload)
        for receiver in receivers { try check(receiver) }
        var servers: [(name: String, dialect: Dialect, receivers: [ClientID])] = []
        var seen: Set<ClientID> = []
        let partition = identity.partition
        for receiver in receivers where seen.insert(receiver).inserted {
            guard let server = partition.server(for: receiver) else { continue }
            let dialect = identity.dialect(of: receiver)
            if let index = servers.firstIndex(where: { $0.name == server && $0.dialect == dialect }) {
                servers[index].receivers.append(receiver)
            } else {
                servers.append((server, dialect, [receiver]))
            }
        }
        guard !servers.isEmpty else { return }
        try await publish(
            servers.map { server in
                let message = DirectMessage(
                    sender: sender, receivers: server.receivers, payload: payload.bytes, wantsReceipt: receipt)
                return BusMessage(
                    subject: Subjects(path: identity.path, dialect: server.dialect).server(server.name),
                    body: EnvelopeCodec.encode(.direct(message), dialect: server.dialect))
            })
        for server in servers {
            onSend?(
                SentMessage(
                    sender: sender, audience: .clients(server.receivers), server: server.name, payload: payload,
                    wantsReceipt: receipt))
        }
    }

    /// Sends a message to the members of a channel that are connected.
    ///
    /// - Parameter sender: nil for the system. A sender with one connection does not get its own message.
    public func send(
        _ payload: MessagePayload, from sender: ClientID? = nil, toChannel channel: ChannelName
    ) async throws(MessengerError) {
        try require(.channels, module: "feature.channels")
        try check(payload)
        try await publishEverywhere(
            .channel(sender: sender, channel: channel, payload: payload.bytes),
            payload: payload, sender: sender, audience: .channel(channel))
    }

    /// Sends a message to every connection of the cluster.
    public func broadcast(_ payload: MessagePayload) async throws(MessengerError) {
        try require(.channels, module: "feature.channels")
        try check(payload)
        try await publishEverywhere(
            .broadcast(sender: nil, payload: payload.bytes), payload: payload, sender: nil, audience: .everyone)
    }

    private func publishEverywhere(
        _ envelope: Envelope, payload: MessagePayload, sender: ClientID?, audience: OutboundMessage.Audience
    ) async throws(MessengerError) {
        let subjects = identity.subjects
        let body = EnvelopeCodec.encode(envelope, dialect: subjects.dialect)
        try await publish(identity.servers.map { BusMessage(subject: subjects.server($0), body: body) })
        guard let onSend else { return }
        for server in identity.servers {
            onSend(
                SentMessage(sender: sender, audience: audience, server: server, payload: payload, wantsReceipt: false))
        }
    }

    func publish(_ messages: [BusMessage]) async throws(MessengerError) {
        do {
            try await transport.publish(messages).get()
        } catch let error as TransportError {
            throw MessengerError(error)
        } catch {
            throw MessengerError(.unavailable, "the message could not be published", underlying: error)
        }
    }
}

// MARK: - Any Encodable value

extension Messenger {
    /// As ``send(_:from:to:receipt:)``, with the JSON text of a value.
    public func send(
        _ value: some Encodable & Sendable, from sender: ClientID? = nil, to receivers: [ClientID],
        receipt: Bool = false
    ) async throws(MessengerError) {
        try await send(try MessagePayload(encoding: value), from: sender, to: receivers, receipt: receipt)
    }

    /// As ``send(_:from:toChannel:)``, with the JSON text of a value.
    public func send(
        _ value: some Encodable & Sendable, from sender: ClientID? = nil, toChannel channel: ChannelName
    ) async throws(MessengerError) {
        try await send(try MessagePayload(encoding: value), from: sender, toChannel: channel)
    }

    /// As ``broadcast(_:)``, with the JSON text of a value.
    public func broadcast(_ value: some Encodable & Sendable) async throws(MessengerError) {
        try await broadcast(try MessagePayload(encoding: value))
    }
}
