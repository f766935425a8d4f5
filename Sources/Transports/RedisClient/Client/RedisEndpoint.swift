/// Where a Redis server listens.
public enum RedisEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// A host name or address, and a port.
    case tcp(host: String, port: Int)
    /// The path of a Unix domain socket.
    case unix(path: String)

    /// `host:port`, `[address]:port` or the path.
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// With what a connection authenticates (AUTH).
public struct RedisCredentials: Sendable, Hashable {
    /// A user of the ACL; nil for the password of the default user (`requirepass`).
    public var user: String?
    public var password: String

    public init(user: String? = nil, password: String) {
        self.user = user
        self.password = password
    }
}

extension RedisCredentials: CustomStringConvertible, CustomReflectable {
    /// The user alone.
    public var description: String { user ?? "default user" }
    public var customMirror: Mirror { Mirror(self, children: ["user": description]) }
}

/// How a connection is encrypted.
public struct RedisTLS: Sendable, Hashable {
    /// A PEM file of the authorities to trust; nil for those of the system.
    public var caFile: String?
    /// A PEM file with this client's certificate and those between it and its authority; `keyFile` is needed, too.
    public var certificateFile: String?
    /// A PEM file with the private key of the certificate.
    public var keyFile: String?
    /// The name that the server's certificate must bear, sent along as SNI; nil for the host of the endpoint.
    /// A certificate for the IP address that was connected to is accepted as well.
    public var serverName: String?

    public init() {}
}

/// The pauses between attempts to connect: each twice as long as the one before, with jitter.
public struct RedisBackoff: Sendable, Hashable {
    /// The pause after the first failure. Above zero.
    public var initial: Duration = .milliseconds(100)
    /// The longest pause. At least `initial`.
    public var maximum: Duration = .seconds(5)
    /// How far a pause may be shortened at random, as a part of it: 0 (never) to 1. Clients that lost the same server
    /// then do not come back in step.
    public var jitter = 0.5

    public init() {}

    /// The pause after `failures` failures in a row, from 1.
    func pause(failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        var pause = initial
        for _ in 1..<max(1, min(failures, 64)) where pause < maximum { pause *= 2 }
        pause = min(pause, maximum)
        return pause * (1 - Double.random(in: 0...max(0, min(1, jitter)), using: &generator))
    }
}
