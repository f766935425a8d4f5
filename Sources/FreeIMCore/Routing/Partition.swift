/// Which node a client belongs to, computed alike by every node and every business service.
public struct Partition: Sendable, Equatable {
    /// The names of the cluster's nodes; the order counts, and is the same everywhere.
    public let servers: [String]

    public init(servers: [String]) {
        self.servers = servers
    }

    /// The client's home node; nil where there are no servers.
    public func server(for client: ClientID) -> String? {
        servers.isEmpty ? nil : servers[index(for: client, of: servers.count)]
    }

    /// FreeIM v2 takes an `Int64` modulo the number of servers, FreeIM v1 the last four hexadecimal digits of a GUID.
    /// A negative number, which makes FreeIM fail unless it divides evenly, gets the non-negative remainder. Names are
    /// hashed with 64-bit FNV-1a (draft-eastlake-fnv) over their UTF-8.
    private func index(for client: ClientID, of count: Int) -> Int {
        switch client.kind {
        case .number(let number):
            let remainder = Int(number % Int64(count))
            return remainder < 0 ? remainder + count : remainder
        case .guid(_, let low):
            return Int(low & 0xFFFF) % count
        case .name(let name):
            return Int(Self.fnv1a(name.utf8) % UInt64(count))
        }
    }

    package static func fnv1a(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in bytes {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        return hash
    }
}
