/// What one address may take of a module's listeners, and who says whose a connection is; part of ``AbuseLimits`` and of the
/// HTTP API's configuration.
public struct AddressPolicy: Sendable {
    /// Sockets of one address at a time, IPv6 by /64; 0: any number. Beyond it 429.
    ///
    /// Off at first, as are the other limits per address: behind a proxy that is not listed in ``trustedProxies``, or behind the
    /// NAT of a company, thousands share one.
    public var connectionsPerAddress = 0
    /// Wrong credentials (401) of one address within a minute; 0: any number. Beyond it 429 without looking at the next ones.
    public var denialsPerAddress = 0
    /// Addresses that are not limited: by default those of the machine itself.
    public var exemptAddresses = AddressRange.loopback
    /// Proxies whose `X-Forwarded-For`, or PROXY header, says whose a connection is. What others say of it is not believed.
    public var trustedProxies: [AddressRange] = []

    public init() {}

    public mutating func read(from section: inout Section) {
        section.read(
            "connections_per_address", into: &connectionsPerAddress, Self.counts,
            "Sockets of one address at a time, IPv6 by /64; beyond it 429. 0: any number.")
        section.read(
            "denials_per_address", into: &denialsPerAddress, Self.counts,
            "Wrong credentials of one address within a minute; beyond it 429. 0: any number.")
        section.read("exempt_addresses", into: &exemptAddresses, "Addresses that are not limited.")
        section.read(
            "trusted_proxies", into: &trustedProxies,
            "Proxies that say whose a connection is, by X-Forwarded-For or by what else this module reads.")
    }

    static var counts: Constraint<Int> { .range(0...10_000_000) }

    package func isTrustedProxy(_ address: IPAddress) -> Bool {
        trustedProxies.contains { $0.contains(address) }
    }

    /// Whose a request is.
    ///
    /// - Parameter fields: all fields `X-Forwarded-For`, in order.
    package func origin(_ fields: [String], peer: IPAddress) -> IPAddress {
        ForwardedFor.origin(fields, peer: peer, trusted: trustedProxies)
    }
}
