public import NIOCore

/// The opening request of a terminal, as auth hooks see it.
public struct ConnectRequest: Sendable {
    /// The path without the query.
    public var path: String
    /// The query's parameters, percent-decoded, in order.
    public var query: [(name: String, value: String)]
    /// The header fields, in order; names as sent.
    public var headers: [(name: String, value: String)]
    /// The socket's other end; behind a trusted proxy the address that it names, with port 0.
    public var peer: SocketAddress?

    public init(
        path: String, query: [(name: String, value: String)], headers: [(name: String, value: String)],
        peer: SocketAddress?
    ) {
        self.path = path
        self.query = query
        self.headers = headers
        self.peer = peer
    }

    /// The first parameter of that name.
    public func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }

    /// The first header field of that name, compared without case (RFC 9110 §5.1).
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return headers.first { $0.name.lowercased() == name }?.value
    }

    /// The query's `token`, or the token of an `Authorization: Bearer` field (RFC 6750 §2.1).
    public var token: String? {
        if let token = parameter("token") { return token }
        guard let field = header("Authorization") else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }

    /// The `Origin` field, which browsers send and scripts cannot forge (RFC 6454 §7).
    public var origin: String? { header("Origin") }
}
