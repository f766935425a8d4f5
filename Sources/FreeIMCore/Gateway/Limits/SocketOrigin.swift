import NIOCore
import NIOHTTP1

/// Whose a socket is, and that it is counted under that address once. Of the socket's event loop.
struct SocketOrigin {
    private let limits: AddressLimits
    /// The nearest address known so far.
    private(set) var address: IPAddress?
    private var isCounted = false

    init(limits: AddressLimits) {
        self.limits = limits
    }

    /// The socket's other end, or what a PROXY header says instead. nil where that is a proxy too, for which the request has to
    /// be waited.
    mutating func found(_ address: IPAddress, _ settings: AbuseLimits, now: NIODeadline) -> AddressLimits.Verdict? {
        self.address = address
        return settings.addresses.isTrustedProxy(address) ? nil : enter(now)
    }

    /// The request is here, so that all is known that will be.
    mutating func found(_ head: HTTPRequestHead, _ settings: AbuseLimits, now: NIODeadline) -> AddressLimits.Verdict {
        guard !isCounted, let peer = address else { return .admitted }
        address = settings.addresses.origin(head.headers["X-Forwarded-For"], peer: peer)
        return enter(now)
    }

    /// For auth hooks: the socket's own where no proxy stands between, else the address with port 0.
    func socketAddress(_ peer: SocketAddress?) -> SocketAddress? {
        guard let address, address != peer.flatMap({ IPAddress($0) }) else { return peer }
        return try? SocketAddress(ipAddress: address.description, port: 0)
    }

    /// The auth hooks did not accept the credential.
    func denied(now: NIODeadline) {
        if let address { limits.denied(address, now: now) }
    }

    mutating func leave() {
        guard isCounted, let address else { return }
        isCounted = false
        limits.leave(address)
    }

    private mutating func enter(_ now: NIODeadline) -> AddressLimits.Verdict {
        guard let address else { return .admitted }
        isCounted = true
        return limits.enter(address, now: now)
    }
}

extension AddressLimits.Verdict {
    /// How the handshake is answered; nil where it goes on.
    func refusal(_ settings: AbuseLimits) -> (refusal: Refusal, limit: GatewayMetrics.Limit)? {
        func refusal(_ code: String, _ message: String, after seconds: ClosedRange<Int>) -> Refusal {
            Refusal(429, code, message, headers: [("Retry-After", "\(Int.random(in: seconds))")])
        }
        return switch self {
        case .admitted: nil
        case .tooManyConnections:
            (
                refusal(
                    "too_many_connections",
                    "your address has its \(settings.addresses.connectionsPerAddress) connections; close another one first",
                    after: 10...30), .connectionsPerAddress
            )
        case .tooManyAttempts:
            (
                refusal("too_many_attempts", "your address connects too often; wait a while", after: 10...20),
                .attemptsPerAddress
            )
        case .tooManyDenials:
            (
                refusal("too_many_denials", "your address had too many wrong tokens; wait a minute", after: 60...90),
                .denialsPerAddress
            )
        }
    }
}
