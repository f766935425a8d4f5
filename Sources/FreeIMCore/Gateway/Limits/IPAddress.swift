public import NIOCore

/// An address of IPv4 or IPv6 without a port; IPv4 in its IPv6 form, `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2), so that both
/// forms of one address are equal.
public struct IPAddress: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    private static let mapped: UInt64 = 0xFFFF_0000_0000

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter bytes: 4 or 16, in network order.
    init?(bytes: some Collection<UInt8>) {
        func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(high: 0, low: Self.mapped | number(bytes))
        case 16: self.init(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8)))
        default: return nil
        }
    }

    /// nil for unix sockets.
    public init?(_ address: SocketAddress) {
        switch address {
        // Where sockaddr_in and sockaddr_in6 have it (ip(7), ipv6(7)); their members are a matter of NIO's inner modules.
        case .v4(let address): self.init(bytes: withUnsafeBytes(of: address.address) { Array($0[4..<8]) })
        case .v6(let address): self.init(bytes: withUnsafeBytes(of: address.address) { Array($0[8..<24]) })
        case .unixDomainSocket: return nil
        }
    }

    /// nil where the text is no address; names are not looked up.
    public init?(_ text: some StringProtocol) {
        guard let address = try? SocketAddress(ipAddress: String(text), port: 0) else { return nil }
        self.init(address)
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == Self.mapped >> 32 }

    /// What limits count as one: an IPv4 address, or the /64 that one IPv6 customer has at least (RFC 6177 §2).
    public var network: IPAddress { isIPv4 ? self : IPAddress(high: high, low: 0) }

    func hasPrefix(_ prefix: IPAddress, bits: Int) -> Bool {
        func differ(_ left: UInt64, _ right: UInt64, within bits: Int) -> Bool {
            bits > 0 && (left ^ right) >> UInt64(64 - bits) != 0
        }
        return !differ(high, prefix.high, within: min(bits, 64)) && !differ(low, prefix.low, within: max(bits - 64, 0))
    }
}

extension IPAddress: CustomStringConvertible {
    public var description: String {
        if isIPv4 {
            return (0..<4).reversed().map { String(low >> UInt64($0 * 8) & 0xFF) }.joined(separator: ".")
        }
        var bytes = ByteBuffer()
        bytes.writeInteger(high)
        bytes.writeInteger(low)
        return (try? SocketAddress(packedIPAddress: bytes, port: 0))?.ipAddress ?? ""
    }
}

/// Addresses that begin alike (RFC 4632): `10.0.0.0/8`, `2001:db8::/32`, or a single one.
public struct AddressRange: SectionValue, Hashable, CustomStringConvertible {
    private let prefix: IPAddress
    /// Of the IPv6 form.
    private let bits: Int

    public static var expectation: String { "an address or range like 192.0.2.1, 10.0.0.0/8 or fd00::/8" }

    public init?(sectionText: String) {
        let parts = sectionText.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let prefix = IPAddress(parts[0]) else { return nil }
        let width = prefix.isIPv4 && !parts[0].contains(":") ? 32 : 128
        guard parts.count == 2 else {
            self.init(prefix: prefix, bits: 128)
            return
        }
        guard let length = Int(parts[1]), (0...width).contains(length) else { return nil }
        self.init(prefix: prefix, bits: 128 - width + length)
    }

    private init(prefix: IPAddress, bits: Int) {
        self.prefix = prefix
        self.bits = bits
    }

    /// 127.0.0.0/8 and ::1.
    public static let loopback = [
        AddressRange(prefix: IPAddress(high: 0, low: 0xFFFF_7F00_0000), bits: 104),
        AddressRange(prefix: IPAddress(high: 0, low: 1), bits: 128),
    ]

    public func contains(_ address: IPAddress) -> Bool { address.hasPrefix(prefix, bits: bits) }

    public var sectionText: String { description }

    public var description: String {
        bits == 128 ? prefix.description : "\(prefix)/\(prefix.isIPv4 && bits >= 96 ? bits - 96 : bits)"
    }
}
