import NIOCore

/// Decides for a connection that carries subscriptions: what a reply means.
struct SubscriberState {
    enum Action: Equatable {
        case nothing
        case message(channel: ByteBuffer, body: ByteBuffer)
        /// See ``RedisSubscriber/invalidated(_:)``.
        case invalidated([ByteBuffer]?)
        case subscribed(ByteBuffer)
        /// Redis refuses a SUBSCRIBE of these channels.
        case refused([ByteBuffer], RedisError)
        /// The connection is of no use.
        case end(RedisError)
    }

    /// What is owed, in order; between it, messages come in.
    private enum Owed {
        case subscribed([ByteBuffer], next: Int)
        case unsubscribed(ByteBuffer)
        case pong
        case tracking
    }

    /// Where Redis tells of changed keys.
    static let invalidations = ByteBuffer(string: "__redis__:invalidate")
    private static let message = ByteBuffer(string: "message")
    private static let subscribe = ByteBuffer(string: "subscribe")
    private static let unsubscribe = ByteBuffer(string: "unsubscribe")
    private static let pong = ByteBuffer(string: "pong")
    private static let notSubscribed = RedisError.Code(reply: "NOSUB")

    private var owed = CircularBuffer<Owed>()

    /// Answers are due.
    var isOwed: Bool { !owed.isEmpty }

    // MARK: What goes out

    mutating func subscribe(_ channels: [ByteBuffer]) -> RedisCommand {
        owed.append(.subscribed(channels, next: 0))
        return RedisCommand("SUBSCRIBE", channels.map { .bytes($0) })
    }

    mutating func unsubscribe(_ channel: ByteBuffer) -> RedisCommand {
        owed.append(.unsubscribed(channel))
        return RedisCommand("UNSUBSCRIBE", .bytes(channel))
    }

    /// Before any subscription: in a subscribed connection, RESP2 allows no CLIENT.
    mutating func track(_ prefixes: [String], clientID: Int64) -> RedisCommand {
        owed.append(.tracking)
        return RedisCommand(
            "CLIENT",
            ["TRACKING", "ON", "REDIRECT", .integer(Int(clientID)), "BCAST"]
                + prefixes.flatMap { ["PREFIX", .string($0)] })
    }

    mutating func ping() -> RedisCommand {
        owed.append(.pong)
        return RedisCommand("PING")
    }

    // MARK: What comes in

    mutating func received(_ value: RedisValue) -> Action {
        switch value {
        case .array(let elements): return match(elements)
        case .error(let error): return refused(error)
        default:
            // `+PONG` without a subscription, `+OK` of CLIENT TRACKING.
            switch owed.popFirst() {
            case .pong, .tracking: return .nothing
            default: return .end(Self.unexpected)
            }
        }
    }

    private mutating func match(_ elements: [RedisValue]) -> Action {
        if elements.count == 3, elements[0].isBulk(Self.message), case .bulk(let body) = elements[2],
            case .bulk(let channel) = elements[1]
        {
            return .message(channel: channel, body: body)
        }
        guard case .bulk(let kind)? = elements.first, elements.count >= 2, case .bulk(let channel) = elements[1] else {
            return .end(Self.unexpected)
        }
        switch (kind, elements.count) {
        case (Self.message, 3):
            guard channel == Self.invalidations else { return .end(Self.unexpected) }
            return .invalidated(elements[2].array.map { $0.compactMap(\.bytes) })
        case (Self.pong, 2):
            guard case .pong? = owed.popFirst() else { return .end(Self.unexpected) }
            return .nothing
        case (Self.subscribe, 3): return subscribed(channel)
        case (Self.unsubscribe, 3):
            guard case .unsubscribed(channel)? = owed.popFirst() else { return .end(Self.unexpected) }
            return .nothing
        default: return .end(Self.unexpected)
        }
    }

    private mutating func subscribed(_ channel: ByteBuffer) -> Action {
        guard case .subscribed(let channels, let next)? = owed.popFirst(), channels[next] == channel else {
            return .end(Self.unexpected)
        }
        if next + 1 < channels.count { owed.prepend(.subscribed(channels, next: next + 1)) }
        return .subscribed(channel)
    }

    private mutating func refused(_ error: RedisError) -> Action {
        switch owed.popFirst() {
        case .subscribed(let channels, 0): return .refused(channels, error)
        // Valkey since 8.0: nothing is subscribed, so there is nothing to end.
        case .unsubscribed where error.code == Self.notSubscribed: return .nothing
        // A PING that the ACL forbids or that a loading server refuses is a sign of life all the same.
        case .pong: return .nothing
        default: return .end(error)
        }
    }

    private static let unexpected = RedisError(
        .protocolViolation, "Redis sent something else than a message or a confirmation to a subscriber")

    mutating func end() {
        owed.removeAll()
    }
}

extension RedisValue {
    fileprivate func isBulk(_ bytes: ByteBuffer) -> Bool {
        if case .bulk(let own) = self { own == bytes } else { false }
    }
}
