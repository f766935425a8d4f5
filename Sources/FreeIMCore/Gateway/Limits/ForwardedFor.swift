/// Whom a request comes from where proxies stand between: the field `X-Forwarded-For`, to which each proxy adds, at the end,
/// the address that it was connected from. A terminal can write anything into it, so that only what trusted proxies have added
/// counts.
enum ForwardedFor {
    /// The last address that is none of a trusted proxy's; `peer` where there is none, or where the peer is not trusted.
    ///
    /// - Parameter fields: all fields of that name, in order.
    static func origin(_ fields: [String], peer: IPAddress, trusted: [AddressRange]) -> IPAddress {
        var origin = peer
        for field in fields.reversed() {
            for entry in field.split(separator: ",").reversed() {
                guard trusted.contains(where: { $0.contains(origin) }) else { return origin }
                // What a trusted proxy did not understand is not ours to guess; it is the last one known then.
                guard let address = address(entry) else { return origin }
                origin = address
            }
        }
        return origin
    }

    /// Some proxies add a port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
    private static func address(_ entry: Substring) -> IPAddress? {
        let text = entry.drop(while: \.isWhitespace)
        let trimmed = text.reversed().drop(while: \.isWhitespace).reversed()
        let entry = String(trimmed)
        if entry.hasPrefix("["), let end = entry.firstIndex(of: "]") {
            return IPAddress(entry[entry.index(after: entry.startIndex)..<end])
        }
        if let address = IPAddress(entry) { return address }
        guard let colon = entry.firstIndex(of: ":") else { return nil }
        return IPAddress(entry[..<colon])
    }
}
