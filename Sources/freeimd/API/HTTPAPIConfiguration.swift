public import FreeIMCore

/// What `api.http` can be told.
public struct HTTPAPIConfiguration: ModuleConfiguration {
    /// Where business services send their requests in clear; port 0 takes a free one; nil: only over TLS. Beyond loopback
    /// only with ``keys``.
    public var listen: ListenAddress? = ListenAddress(host: "127.0.0.1", port: 6080)
    /// Where business services send their requests over TLS; nil: nowhere. Beyond loopback only with ``keys``.
    public var tls: TLSListener?
    /// Secrets, one of which every request under `/v1` has to show; several, so that one can be replaced by the next.
    /// At least ``minimumKeyLength`` characters each. None: whoever reaches the address may do everything.
    public var keys: [String] = []
    /// Bytes of a request's body. Beyond it 413.
    public var maxBody = ByteCount(1_024 * 1_024)
    /// The largest `limit` of a list.
    public var maxPage = 1_000
    /// Connections of a listener at a time. Beyond it new ones wait in the kernel.
    public var maxConnections = 1_024
    /// What one address may take. Connections of trusted proxies are not counted; whose wrong keys come over them,
    /// `X-Forwarded-For` says.
    public var addresses = AddressPolicy()
    /// From a request's head to the end of its body. Then 408.
    public var requestTimeout = Duration.seconds(30)
    /// Whether the chat page is served at `/`.
    public var demo = false
    /// Whether the chat page, which lets in whoever comes, may be served beyond loopback.
    public var demoAllowRemote = false

    /// The shortest key, in characters: 16 random ones of base64 are 96 bits.
    public static let minimumKeyLength = 16

    public init() {}

    public mutating func read(from section: inout Section) {
        section.readListeners(into: &listen, &tls, "Where business services send their requests", asksClients: true)
        section.read(
            "keys", into: &keys, .secret,
            """
            API keys of at least \(Self.minimumKeyLength) characters, one of which each request shows as \
            'Authorization: Bearer KEY'; needed beyond loopback.
            """)
        // Not a constraint of the key: an embedding program's configuration is checked as well.
        if let problem = keyProblem { section.problem(problem, at: "keys") }
        section.read(
            "max_body", into: &maxBody, .range(ByteCount(1_024)...ByteCount(1 << 30)),
            "Bytes of a request's body; beyond it 413.")
        section.read("max_page", into: &maxPage, .range(1...100_000), "The largest 'limit' of a list.")
        section.read(
            "max_connections", into: &maxConnections, .range(1...1_000_000),
            "Connections at a time; beyond it new ones wait.")
        section.read(
            "request_timeout", into: &requestTimeout, .range(.milliseconds(250)...(.seconds(600))),
            "From a request's head to the end of its body; then 408.")
        addresses.read(from: &section)
        section.read("demo", into: &demo, "Whether a chat page is served at /.")
        section.read(
            "demo_allow_remote", into: &demoAllowRemote,
            "Whether the chat page, which lets in whoever comes, may be served beyond loopback.")
    }

    /// Refuses what would hand the node to strangers.
    func validate() throws(ModuleError) {
        if let keyProblem { throw ModuleError(.invalidValue, keyProblem) }
        let addresses = [listen, tls?.listen].compactMap(\.self)
        guard !addresses.isEmpty else {
            throw ModuleError(.conflict, "listens nowhere; set 'listen' or 'tls_listen'")
        }
        guard let listen = addresses.first(where: { !$0.isLoopback }) else { return }
        if keys.isEmpty {
            throw ModuleError(
                .conflict,
                "refuses to listen on \(listen) without a key; add 'keys: [...]' or listen on 127.0.0.1")
        }
        if demo, !demoAllowRemote {
            throw ModuleError(
                .conflict,
                """
                refuses to serve the demo page on \(listen), since it lets in whoever comes; add \
                'demo_allow_remote: true', leave 'demo' out or listen on 127.0.0.1
                """)
        }
    }

    private var keyProblem: String? {
        guard keys.contains(where: { $0.count < Self.minimumKeyLength }) else { return nil }
        return "one of the 'keys' of api.http has fewer than \(Self.minimumKeyLength) characters; use a longer one"
    }
}
