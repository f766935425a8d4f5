/// `host:port` to listen on: `127.0.0.1:6001`, `[::1]:6001`, `localhost:6001`, or `:6001` for all addresses.
public struct ListenAddress: SectionValue, Hashable, CustomStringConvertible {
    public var host: String
    /// 0: any free port.
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    public static var expectation: String { "host:port like 127.0.0.1:6001, [::1]:6001 or :6001 for all addresses" }

    public init?(sectionText: String) {
        guard let colon = sectionText.lastIndex(of: ":"),
            let port = UInt16(sectionText[sectionText.index(after: colon)...])
        else { return nil }
        var host = sectionText[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard !host.isEmpty else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard !host.contains(where: { $0.isWhitespace || "/?#@".contains($0) }) else { return nil }
        self.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: Int(port))
    }

    /// Whether only this machine can connect.
    public var isLoopback: Bool {
        host == "localhost" || host == "::1" || (host.hasPrefix("127.") && !host.contains(where: \.isLetter))
    }

    /// Whether this stands for all addresses of the machine, and is none that could be connected to.
    public var isWildcard: Bool { host == "0.0.0.0" || host == "::" }

    public var sectionText: String { description }

    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
