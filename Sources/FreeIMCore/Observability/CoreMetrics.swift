import Metrics

/// The node's metrics, made once. Names and meanings are listed in the documentation's page Metrics.
struct NodeMetrics: Sendable {
    /// Messages taken from the bus.
    let received: Counter
    /// Messages written to connections, one per message and connection.
    let delivered: Counter
    /// Bodies of the bus that are not FreeIM's.
    let malformed: Counter
    /// Messages of the bus with more bytes than the node's limit.
    let oversized: Counter
    /// Messages whose feature the node was assembled without.
    let unsupported: Counter
    /// Messages that a hook stopped.
    let stopped: Counter
    /// Receivers without a connection here.
    let offline: Counter
    /// Messages sent on to the nodes where their receivers are.
    let forwarded: Counter
    /// Messages for clients that are neither here nor at home here.
    let misrouted: Counter
    /// Misrouted messages that could not be looked after.
    let misroutedLost: Counter
    /// Times that messages waited in vain for news of memberships.
    let holdsExpired: Counter
    /// Receipts and events that the bus did not take.
    let unpublished: Counter
    /// Receipts dropped because too many waited.
    let receiptsDropped: Counter
    /// Changes of presence that could not be stored.
    let presenceFailures: Counter
    /// Connections that were not let in because their client is banned.
    let banned: Counter
    /// Connections that were not let in because their client has as many as it may.
    let denied: Counter
    /// Messages of terminals that a hook failed on.
    let inboundFailures: Counter
    /// Clients with a connection here.
    let clients: Gauge

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        received = Counter(label: "freeim_node_messages_received_total", factory: factory)
        delivered = Counter(label: "freeim_node_messages_delivered_total", factory: factory)
        malformed = Counter(label: "freeim_node_messages_malformed_total", factory: factory)
        oversized = Counter(label: "freeim_node_messages_oversized_total", factory: factory)
        unsupported = Counter(label: "freeim_node_messages_unsupported_total", factory: factory)
        stopped = Counter(label: "freeim_node_messages_stopped_total", factory: factory)
        offline = Counter(label: "freeim_node_receivers_offline_total", factory: factory)
        forwarded = Counter(label: "freeim_node_messages_forwarded_total", factory: factory)
        misrouted = Counter(label: "freeim_node_messages_misrouted_total", factory: factory)
        misroutedLost = Counter(label: "freeim_node_messages_misrouted_lost_total", factory: factory)
        holdsExpired = Counter(label: "freeim_node_holds_expired_total", factory: factory)
        unpublished = Counter(label: "freeim_node_publish_failures_total", factory: factory)
        receiptsDropped = Counter(label: "freeim_node_receipts_dropped_total", factory: factory)
        presenceFailures = Counter(label: "freeim_node_presence_failures_total", factory: factory)
        banned = Counter(label: "freeim_node_connections_banned_total", factory: factory)
        denied = Counter(label: "freeim_node_connections_denied_total", factory: factory)
        inboundFailures = Counter(label: "freeim_node_inbound_failures_total", factory: factory)
        clients = Gauge(label: "freeim_node_clients", factory: factory)
    }

    func count(_ refusal: ConnectionRefusal) {
        switch refusal {
        case .banned: banned.increment()
        case .tooManyConnections: denied.increment()
        }
    }
}

/// The gateway's metrics, made once.
struct GatewayMetrics: Sendable {
    /// Sockets, handshakes among them.
    let sockets = Gauge(label: "freeim_gateway_sockets")
    /// Connections opened.
    let opened = Counter(label: "freeim_gateway_connections_opened_total")
    /// Connections whose handshake was answered before presence had stored them.
    let openedUnstored = Counter(label: "freeim_gateway_connections_opened_unstored_total")
    /// Connections closed, by the code that this side or the terminal gave first.
    let closed: [CloseCode: Counter]
    /// Of these, connections whose place a newer one of their client took.
    let replaced = Counter(label: "freeim_gateway_connections_replaced_total")
    /// Connections that ended with any other code.
    let closedOther = Counter(label: "freeim_gateway_connections_closed_total", dimensions: [("code", "other")])
    /// Handshakes refused, by HTTP status.
    let refused: [Int: Counter]
    /// Connections for which messages wait.
    let slow = Gauge(label: "freeim_gateway_slow_receivers")
    /// Messages that were dropped because their terminal read too slowly.
    let dropped = Counter(label: "freeim_gateway_messages_dropped_total")
    /// Messages that terminals sent.
    let inbound = Counter(label: "freeim_gateway_messages_inbound_total")
    /// Sockets closed without an answer because the limit and its headroom were used up.
    let overflow = Counter(label: "freeim_gateway_sockets_overflow_total")
    /// Times that a limit was reached.
    let limited: [Limit: Counter]

    /// Limits against abuse; the names are those of the gateway's keys, where there is one.
    enum Limit: String, CaseIterable {
        case connectionsPerAddress = "connections_per_address"
        case attemptsPerAddress = "attempts_per_address"
        case denialsPerAddress = "denials_per_address"
        case handshakesPerSecond = "handshakes_per_second"
        case messagesPerSecond = "messages_per_second"
        case bytesPerSecond = "bytes_per_second"
        case messageTimeout = "message_timeout"
        case proxyHeader = "proxy_header"
    }

    init() {
        let codes: [CloseCode] = [
            .normal, .goingAway, .protocolError, .invalidData, .policyViolation, .messageTooBig, .internalError,
            .tryAgainLater, .slowReceiver, .heartbeatTimeout, .rateLimited, .forcedOffline, .replaced, .abnormal,
        ]
        closed = Dictionary(
            uniqueKeysWithValues: codes.map {
                ($0, Counter(label: "freeim_gateway_connections_closed_total", dimensions: [("code", "\($0)")]))
            })
        limited = Dictionary(
            uniqueKeysWithValues: Limit.allCases.map {
                ($0, Counter(label: "freeim_gateway_limited_total", dimensions: [("limit", $0.rawValue)]))
            })
        refused = Dictionary(
            uniqueKeysWithValues: [400, 401, 403, 404, 405, 408, 426, 429, 431, 503].map {
                ($0, Counter(label: "freeim_gateway_handshakes_refused_total", dimensions: [("status", "\($0)")]))
            })
    }

    func countClosed(_ code: CloseCode) {
        (closed[code] ?? closedOther).increment()
        if code == .replaced { replaced.increment() }
    }

    func countRefused(_ status: Int) {
        refused[status]?.increment()
    }
}

extension CloseCode {
    /// The connection ended without a close frame (RFC 6455 §7.1.5: 1006). Never on the wire.
    static let abnormal = CloseCode(rawValue: 1006)
}
