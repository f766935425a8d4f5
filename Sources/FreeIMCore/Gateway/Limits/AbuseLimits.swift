/// What terminals, and addresses together, may take of a gateway; part of ``WebSocketConfiguration``.
public struct AbuseLimits: Sendable {
    /// Sockets of one address at a time, IPv6 by /64; 0: any number. Beyond it 429.
    ///
    /// Off at first, as are the other limits per address: behind a proxy that is not listed in ``trustedProxies``, or behind the
    /// NAT of a company, thousands share one.
    public var connectionsPerAddress = 0
    /// Sockets that one address opens per second, on average over 10 s; 0: any number. Beyond it 429, and the socket is closed
    /// at once.
    public var attemptsPerAddress = 0
    /// Wrong credentials (401) of one address within a minute; 0: any number. Beyond it 429 without asking the auth hooks.
    public var denialsPerAddress = 0
    /// Complete requests of all addresses per second; 0: as fast as they can be dealt with. Beyond it 503.
    public var handshakesPerSecond = 0
    /// Addresses that are not limited: by default those of the machine itself.
    public var exemptAddresses = AddressRange.loopback
    /// Proxies whose `X-Forwarded-For`, or PROXY header, says whose a connection is. What others say of it is not believed.
    public var trustedProxies: [AddressRange] = []
    /// Whether connections of ``trustedProxies`` begin with a header of the PROXY protocol, version 1 or 2.
    public var proxyProtocol = false
    /// Frames that one terminal sends per second, on average over 10 s; 0: any number. Beyond it close code 4002.
    public var messagesPerSecond = 100
    /// The same in bytes, as they come over the wire.
    public var bytesPerSecond = ByteCount(1_024 * 1_024)
    /// From the first byte of a terminal's message to its last. Then close code 1008.
    public var messageTimeout = Duration.seconds(30)

    public init() {}

    mutating func read(from section: inout Section) {
        section.read(
            "connections_per_address", into: &connectionsPerAddress, Self.counts,
            "Sockets of one address at a time, IPv6 by /64; beyond it 429. 0: any number.")
        section.read(
            "attempts_per_address", into: &attemptsPerAddress, Self.counts,
            "Sockets that one address opens per second, on average over 10s; beyond it 429. 0: any number.")
        section.read(
            "denials_per_address", into: &denialsPerAddress, Self.counts,
            "Wrong credentials of one address within a minute; beyond it 429. 0: any number.")
        section.read(
            "handshakes_per_second", into: &handshakesPerSecond, Self.counts,
            "Requests of all addresses per second; beyond it 503. 0: as fast as they can be dealt with.")
        section.read("exempt_addresses", into: &exemptAddresses, "Addresses that are not limited.")
        section.read(
            "trusted_proxies", into: &trustedProxies,
            "Proxies whose X-Forwarded-For or PROXY header says whose a connection is.")
        section.read(
            "proxy_protocol", into: &proxyProtocol,
            "Whether connections of 'trusted_proxies' begin with a PROXY header, version 1 or 2.")
        if proxyProtocol, trustedProxies.isEmpty {
            section.problem(
                "'proxy_protocol' of \(WebSocketGateway.id) needs 'trusted_proxies', the addresses whose PROXY header is believed",
                at: "proxy_protocol")
        }
        section.read(
            "messages_per_second", into: &messagesPerSecond, Self.counts,
            "Frames that one terminal sends, on average over 10s; beyond it close code 4002. 0: any number.")
        section.read(
            "bytes_per_second", into: &bytesPerSecond, .range(ByteCount(0)...ByteCount(1 << 30)),
            "The same in bytes; 0: any number.")
        section.read(
            "message_timeout", into: &messageTimeout, .range(.seconds(1)...(.seconds(600))),
            "From the first byte of a terminal's message to its last; then close code 1008.")
    }

    private static var counts: Constraint<Int> { .range(0...10_000_000) }

    var perAddress: AddressLimits.Settings {
        AddressLimits.Settings(
            connections: connectionsPerAddress, attemptsPerSecond: attemptsPerAddress, denials: denialsPerAddress,
            handshakesPerSecond: handshakesPerSecond, exempt: exemptAddresses)
    }

    var rates: InboundAllowance.Rates {
        InboundAllowance.Rates(messages: messagesPerSecond, bytes: bytesPerSecond.bytes)
    }

    func isTrustedProxy(_ address: IPAddress) -> Bool {
        trustedProxies.contains { $0.contains(address) }
    }
}
