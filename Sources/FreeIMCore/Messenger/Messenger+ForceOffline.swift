extension Messenger {
    /// The longest reason of ``forceOffline(_:reason:ban:)``, in bytes of UTF-8 (RFC 6455 §5.5.1).
    public static let maximumReasonBytes = 123
    /// The longest ban.
    public static let maximumBan = Duration.seconds(30 * 86_400)

    /// Closes all connections of a client, with ``CloseCode/forcedOffline``; it may connect again unless it is banned.
    ///
    /// - Parameters:
    ///   - reason: what terminals read in the close frame; at most 123 bytes.
    ///   - ban: for how long, 30 days at most, every node refuses the client's handshakes with 403 `banned`, whatever
    ///     its token; `.zero` ends a ban.
    public func forceOffline(
        _ client: ClientID, reason: String? = nil, ban: Duration? = nil
    ) async throws(MessengerError) {
        try check(client)
        try check(reason: reason, ban: ban)
        // First: a handshake that is under way is either refused, or stored by now and closed below.
        if let ban {
            try await asking { presence throws(PresenceError) in try await presence.ban(client, for: ban) }
        }
        guard let server = identity.partition.server(for: client) else { return }
        var messages: [BusMessage] = []
        if let reason, !reason.isEmpty {
            let command = CloseCommand(client, code: .forcedOffline, reason: reason)
            let body = EnvelopeCodec.encode(.forwarded(.close(command)))
            let nodes = try await asking { presence throws(PresenceError) in try await presence.nodes(of: [client]) }
            messages = nodes.joined().map { BusMessage(subject: identity.subjects.server($0), body: body) }
        }
        // FreeIM's own command behind it, for its nodes and for connections that presence does not know of yet.
        messages.append(
            BusMessage(
                subject: identity.subjects(for: client).server(server),
                body: EnvelopeCodec.encode(.forceOffline(client))))
        try await publish(messages)
    }

    private func check(reason: String?, ban: Duration?) throws(MessengerError) {
        if let reason, reason.utf8.count > Self.maximumReasonBytes {
            throw MessengerError(
                .invalidArgument,
                "reason has \(reason.utf8.count) bytes; a close frame has room for \(Self.maximumReasonBytes)")
        }
        if let ban, ban < .zero || ban > Self.maximumBan {
            throw MessengerError(
                .invalidArgument,
                "ban is \(ban.sectionText); it must be 0 (none) to \(Self.maximumBan.sectionText) (30 days)")
        }
    }
}
