/// What `gateway.websocket` can be told.
public struct WebSocketConfiguration: ModuleConfiguration {
    /// What becomes of the messages that terminals send.
    public enum Inbound: String, Sendable, CaseIterable {
        /// Checked and dropped, as FreeIM does.
        case discard
        /// Sent back; for conformance tests.
        case echo
        /// Given to the message hooks.
        case hook
    }

    /// Where terminals connect in clear. `:6001` listens on all addresses, port 0 takes a free one; nil: only over TLS.
    public var listen: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 6001)
    /// Where terminals connect over TLS; nil: nowhere.
    public var tls: TLSListener?
    /// The endpoint's path; part of the names on FreeIM's wire, so the same on all nodes and business services. Empty is
    /// `/` to terminals, and another name than `/` on the wire.
    public var path = "/ws"
    /// nil: `hook` where a module of the node takes terminals' messages, else `discard`.
    public var inbound: Inbound?
    /// Origins from which browsers may connect; `https://*.example.com` stands for all subdomains. Empty: any.
    /// Requests without an Origin field do not come from browsers and are not concerned.
    public var origins: [String] = []
    /// Connections at a time. Beyond it handshakes are answered with 503.
    public var maxConnections = 100_000
    /// From the accept to the end of the request's head and of authentication. Then 408.
    public var handshakeTimeout = Duration.seconds(10)
    /// For all auth hooks together. Then 503.
    public var authTimeout = Duration.seconds(5)
    /// For presence to store the connection. Then the handshake is answered all the same.
    public var presenceTimeout = Duration.seconds(5)
    /// Bytes of the request's line and header fields. Beyond it 431.
    public var maxHeader = ByteCount(16 * 1_024)
    /// Bytes of one frame that a terminal sends. Beyond it close code 1009.
    public var maxFrame = ByteCount(64 * 1_024)
    /// Bytes of one message that a terminal sends, its fragments together. Beyond it close code 1009.
    public var maxMessage = ByteCount(64 * 1_024)
    /// Bytes that wait for one connection because its terminal does not read, with some 100 for keeping each message. What
    /// becomes of it beyond them says ``slowReceivers``.
    public var maxPending = ByteCount(1_024 * 1_024)
    /// How long the oldest of these bytes may have waited.
    public var maxPendingAge = Duration.seconds(30)
    /// What becomes of a terminal beyond ``maxPending`` or ``maxPendingAge``, or of its messages.
    public var slowReceivers = SlowReceiverPolicy.close
    /// Silence of a terminal after which it is pinged. Below the 60 s after which many proxies cut.
    public var pingInterval = Duration.seconds(30)
    /// From the ping to any sign of life. Then close code 4001.
    public var pongTimeout = Duration.seconds(15)
    /// From our close frame to the end of the connection. Then it is cut.
    public var closeTimeout = Duration.seconds(5)
    /// From the stop of the node until its first connections are let go: readiness is false already, so that load
    /// balancers notice, while terminals are served and new ones let in.
    public var drainDelay = Duration.zero
    /// Connections per second that are let go when the node stops, since they come back elsewhere. 0: all at once.
    public var drainRate = 2_000
    /// Whether messages are compressed both ways (permessage-deflate, RFC 7692) for terminals that offer it, as all browsers
    /// do. On: a message is compressed once for all its receivers, those below the threshold never, and a connection costs
    /// no memory by it. What it saves is the network's and the phone's.
    public var compression = true
    /// 1, fast, to 9, small. JSON of 16 KiB takes 0.3 ms at 1 and 0.6 ms at 6, which makes it 37 % and 34 % of its size.
    public var compressionLevel = 1
    /// Bytes of a message below which it is sent as it is: within a packet there is little to save.
    public var compressionThreshold = ByteCount(1_024)
    /// Connections that the kernel keeps for us before they are accepted (listen(2)); Linux keeps `net.core.somaxconn` of
    /// them at most. Whom it has no room for tries again a second later.
    public var backlog = 65_535
    public var abuse = AbuseLimits()

    public init() {}

    public mutating func read(from section: inout Section) {
        section.readListeners(into: &listen, &tls, "Where terminals connect")
        section.read(
            "path", into: &path,
            .custom("empty, or a path that starts with '/' and has no '?', '#' or blank") { path in
                (path.isEmpty || path.hasPrefix("/")) && !path.contains(where: { "?# ".contains($0) })
            }, "Path of the WebSocket endpoint; the same on all nodes and business services.")
        section.read(
            "inbound", into: &inbound,
            "What becomes of terminals' messages; hook where a module takes them, else discard.")
        section.read(
            "origins", into: &origins,
            .custom("an origin like https://chat.example.com or https://*.example.com") { $0.contains("://") },
            "Origins from which browsers may connect; none listed: any.")
        section.read(
            "max_connections", into: &maxConnections, .range(1...10_000_000),
            "Connections at a time; beyond it 503.")
        section.read(
            "handshake_timeout", into: &handshakeTimeout, Self.timeouts,
            "From accept to the end of head and authentication; then 408.")
        section.read("auth_timeout", into: &authTimeout, Self.timeouts, "For all auth hooks together; then 503.")
        section.read(
            "presence_timeout", into: &presenceTimeout, Self.timeouts,
            "For presence to store the connection; then the handshake is answered all the same.")
        section.read(
            "max_header", into: &maxHeader, .range(ByteCount(1_024)...ByteCount(1_024 * 1_024)),
            "Bytes of the request's head; beyond it 431.")
        section.read(
            "max_frame", into: &maxFrame, Self.payloads, "Bytes of one frame of a terminal; beyond it close code 1009.")
        section.read(
            "max_message", into: &maxMessage, Self.payloads,
            "Bytes of one message of a terminal; beyond it close code 1009.")
        section.read(
            "max_pending", into: &maxPending, .range(ByteCount(4_096)...ByteCount(1 << 30)),
            "Bytes that wait for one connection; see slow_receivers.")
        section.read(
            "max_pending_age", into: &maxPendingAge, .range(.seconds(1)...(.seconds(3_600))),
            "How long the oldest of them may have waited.")
        section.read(
            "slow_receivers", into: &slowReceivers,
            "Beyond these: close, with code 4000; or messages are dropped, drop_oldest, drop_newest, latest_per_channel."
        )
        section.read(
            "ping_interval", into: &pingInterval, .range(.seconds(1)...(.seconds(3_600))),
            "Silence after which a terminal is pinged.")
        section.read(
            "pong_timeout", into: &pongTimeout, Self.timeouts,
            "From the ping to a sign of life; then close code 4001.")
        section.read(
            "close_timeout", into: &closeTimeout, Self.timeouts,
            "From our close frame to the end of the connection; then it is cut.")
        section.read(
            "drain_delay", into: &drainDelay, .range(.zero...(.seconds(600))),
            "From the stop of the node until connections are let go; not ready, but serving meanwhile.")
        section.read(
            "drain_rate", into: &drainRate, .range(0...1_000_000),
            "Connections let go per second when the node stops; more where shutdown_timeout asks for it; 0: all at once."
        )
        section.read(
            "compression", into: &compression,
            "Whether messages are compressed (permessage-deflate) for terminals that offer it.")
        section.read(
            "compression_level", into: &compressionLevel, .range(1...9), "From 1, fast, to 9, small.")
        section.read(
            "compression_threshold", into: &compressionThreshold, .range(ByteCount(0)...ByteCount(1 << 30)),
            "Bytes of a message below which it is sent as it is.")
        section.read(
            "backlog", into: &backlog, .range(1...65_535),
            "Connections that the kernel keeps until they are accepted; net.core.somaxconn bounds it.")
        abuse.read(from: &section)
    }

    private static var timeouts: Constraint<Duration> { .range(.milliseconds(250)...(.seconds(600))) }
    private static var payloads: Constraint<ByteCount> { .range(ByteCount(125)...ByteCount(1 << 30)) }
}

extension WebSocketConfiguration.Inbound: SectionValue {}
