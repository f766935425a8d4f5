/// What terminals, and addresses together, may take of a gateway; part of ``WebSocketConfiguration``.
public struct AbuseLimits: Sendable {
    public var addresses = AddressPolicy()
    /// Sockets that one address opens per second, on average over 10 s; 0: any number. Beyond it 429, and the socket is closed
    /// at once.
    public var attemptsPerAddress = 0
    /// Complete requests of all addresses per second; 0: as fast as they can be dealt with. Beyond it 503.
    public var handshakesPerSecond = 0
    /// Whether connections of ``AddressPolicy/trustedProxies`` begin with a header of the PROXY protocol, version 1 or 2.
    public var proxyProtocol = false
    /// Frames that one terminal sends per second, on average over 10 s; 0: any number. Beyond it close code 4002.
    public var messagesPerSecond = 100
    /// The same in bytes, as they come over the wire.
    public var bytesPerSecond = ByteCount(1_024 * 1_024)
    /// From the first byte of a terminal's message to its last. Then close code 1008.
    public var messageTimeout = Duration.seconds(30)

    public init() {}

    mutating func read(from section: inout Section) {
        addresses.read(from: &section)
        section.read(
            "attempts_per_address", into: &attemptsPerAddress, AddressPolicy.counts,
            "Sockets that one address opens per second, on average over 10s; beyond it 429. 0: any number.")
        section.read(
            "handshakes_per_second", into: &handshakesPerSecond, AddressPolicy.counts,
            "Requests of all addresses per second; beyond it 503. 0: as fast as they can be dealt with.")
        section.read(
            "proxy_protocol", into: &proxyProtocol,
            "Whether connections of 'trusted_proxies' begin with a PROXY header, version 1 or 2.")
        if proxyProtocol, addresses.trustedProxies.isEmpty {
            section.problem(
                "'proxy_protocol' of \(WebSocketGateway.id) needs 'trusted_proxies', the addresses whose PROXY header is believed",
                at: "proxy_protocol")
        }
        section.read(
            "messages_per_second", into: &messagesPerSecond, AddressPolicy.counts,
            "Frames that one terminal sends, on average over 10s; beyond it close code 4002. 0: any number.")
        section.read(
            "bytes_per_second", into: &bytesPerSecond, .range(ByteCount(0)...ByteCount(1 << 30)),
            "The same in bytes; 0: any number.")
        section.read(
            "message_timeout", into: &messageTimeout, .range(.seconds(1)...(.seconds(600))),
            "From the first byte of a terminal's message to its last; then close code 1008.")
    }

    var perAddress: AddressLimits.Settings {
        var settings = AddressLimits.Settings(addresses)
        settings.attemptsPerSecond = attemptsPerAddress
        settings.handshakesPerSecond = handshakesPerSecond
        return settings
    }

    var rates: InboundAllowance.Rates {
        InboundAllowance.Rates(messages: messagesPerSecond, bytes: bytesPerSecond.bytes)
    }
}
