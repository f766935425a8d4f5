public import FreeIMCore
import RedisClient

/// What every module on Redis can be told of its server.
public struct RedisOptions: Sendable, Equatable {
    /// `redis://[user[:password]@]host[:port][/db]`, `rediss://...` for TLS, `unix://[user[:password]@]/path[?db=n]`.
    public var url = "redis://127.0.0.1:6379"
    /// Stands before every key. Pub/sub channels have none: they are the same for every database of a server.
    public var keyPrefix = ""
    /// From the start of an attempt to connect until Redis has accepted the connection. Above zero.
    public var connectTimeout = Duration.seconds(5)
    /// How long a command waits for Redis and its answer together; a publication waits as long. Above zero.
    public var commandTimeout = Duration.seconds(5)
    /// Silence after which a connection is asked for a sign of life. Above zero.
    public var keepAlive = Duration.seconds(5)
    /// Silence after which a connection that owes an answer is made anew. Above zero.
    public var peerTimeout = Duration.seconds(10)
    /// Commands sent and not yet answered; further ones wait. At least 1.
    public var maxInFlight = 16_384
    /// Commands that wait; further ones fail at once. At least 1.
    public var maxWaiting = 65_536
    /// Bytes of the commands that wait, together; further ones fail at once. At least 1.
    public var maxWaitingBytes = ByteCount(64 << 20)
    /// The name that `CLIENT LIST` shows; printable ASCII without spaces.
    public var clientName = "freeim"
    /// A PEM file of the authorities to trust; nil for those of the system.
    public var caFile: String?
    /// A PEM file with the certificate by which Redis knows this client.
    public var certificateFile: String?
    /// A PEM file with the certificate's private key.
    public var keyFile: String?
    /// The name that the server's certificate must bear; nil for the host of ``url``.
    public var serverName: String?

    public init() {}

    /// Reads the keys of a manifest's section.
    public mutating func read(from section: inout Section) {
        section.read("url", into: &url, Self.isURL, "Where Redis is.")
        readRest(from: &section)
        report(to: &section)
    }

    /// Reads the keys of a module that shares the transport's Redis where it is not told a `url`; nil then.
    public static func readOwn(from section: inout Section) -> RedisOptions? {
        var url: String?
        section.read("url", into: &url, Self.isURL, "A Redis of its own; by default it shares that of transport.redis.")
        var options = RedisOptions()
        options.readRest(from: &section)
        guard let url else {
            if options != RedisOptions() {
                section.problem("\(section.owner) is told of a Redis of its own, but not where it is; set 'url'")
            }
            return nil
        }
        options.url = url
        options.report(to: &section)
        return options
    }

    /// Accepts everything: what is wrong with it is told by ``report(to:)``. It may hold a password.
    private static var isURL: Constraint<String> {
        .custom("like redis://:password@host:6379/0, rediss://... or unix:///path") { _ in true }.secret
    }

    private func report(to section: inout Section) {
        do {
            _ = try checked()
        } catch {
            section.problem("'\(error.key)' of \(section.owner) \(error.text)", at: error.key)
        }
    }

    private mutating func readRest(from section: inout Section) {
        var prefix: String?
        section.read("key_prefix", into: &prefix, "Stands before every key; never before pub/sub channels.")
        keyPrefix = prefix ?? keyPrefix
        readTimes(from: &section)
        readLimits(from: &section)
        readTLS(from: &section)
    }

    private mutating func readTimes(from section: inout Section) {
        let times = Constraint<Duration>.range(.milliseconds(1)...(.seconds(600)))
        section.read(
            "connect_timeout", into: &connectTimeout, times, "How long an attempt to connect may take, TLS included.")
        section.read(
            "command_timeout", into: &commandTimeout, times,
            "How long a command or a publication waits for Redis and its answer.")
        section.read(
            "keep_alive", into: &keepAlive, times, "Silence after which a connection is asked for a sign of life.")
        section.read(
            "peer_timeout", into: &peerTimeout, times,
            "Silence after which a connection that owes an answer is made anew.")
    }

    private mutating func readLimits(from section: inout Section) {
        section.read(
            "max_in_flight", into: &maxInFlight, .range(1...10_000_000),
            "Commands sent and not yet answered; further ones wait.")
        section.read(
            "max_waiting", into: &maxWaiting, .range(1...100_000_000),
            "Commands that wait; further ones fail at once.")
        section.read(
            "max_waiting_bytes", into: &maxWaitingBytes, .range(ByteCount(1)...ByteCount(1 << 40)),
            "Bytes of the commands that wait, together; further ones fail at once.")
        section.read(
            "client_name", into: &clientName,
            .custom("printable ASCII without spaces") { $0.utf8.allSatisfy { (0x21...0x7E).contains($0) } },
            "The name that CLIENT LIST shows; empty for none.")
    }

    private mutating func readTLS(from section: inout Section) {
        section.read("ca_file", into: &caFile, "PEM file of the authorities to trust; the system's by default.")
        section.read("certificate_file", into: &certificateFile, "PEM file of the certificate that Redis asks for.")
        section.read("key_file", into: &keyFile, "PEM file of the certificate's private key.")
        section.read(
            "server_name", into: &serverName, "The name that Redis' certificate must bear; the url's host by default.")
    }
}

/// The URL may hold a password.
extension RedisOptions: CustomStringConvertible, CustomReflectable {
    /// Where Redis is, without credentials.
    public var description: String {
        (try? RedisClientConfiguration(url: url)).map { "Redis at \($0.endpoint)" } ?? "Redis at an invalid url"
    }

    public var customMirror: Mirror { Mirror(self, children: ["keyPrefix": keyPrefix]) }
}
