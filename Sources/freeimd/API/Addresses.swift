import FreeIMCore
import Hummingbird
import Metrics
import NIOCore

/// What one address may take of the API; one for all listeners.
struct Addresses: Sendable {
    let policy: AddressPolicy
    private let limits: AddressLimits
    private let metrics: APIMetrics

    init(_ policy: AddressPolicy, metrics: APIMetrics) {
        self.policy = policy
        self.metrics = metrics
        limits = AddressLimits(policy)
    }

    // MARK: Connections

    /// Counts a socket in. nil where it is not counted: connections of a proxy are nobody's in particular.
    func enter(_ peer: SocketAddress?) -> (address: IPAddress, isTooMany: Bool)? {
        guard policy.connectionsPerAddress > 0, let address = peer.flatMap({ IPAddress($0) }),
            !policy.isTrustedProxy(address)
        else { return nil }
        let isTooMany = limits.enter(address, now: .now()) == .tooManyConnections
        if isTooMany { metrics.limited[.connectionsPerAddress]?.increment() }
        return (address, isTooMany)
    }

    func leave(_ address: IPAddress) {
        limits.leave(address)
    }

    // MARK: Keys

    /// Whose a request is; nil where wrong keys are not limited.
    func origin(of request: Request, _ peer: SocketAddress?) -> IPAddress? {
        guard policy.denialsPerAddress > 0, let peer = peer.flatMap({ IPAddress($0) }) else { return nil }
        let fields = request.headers.filter { $0.name.canonicalName == "x-forwarded-for" }
        return policy.origin(fields.map(\.value), peer: peer)
    }

    /// Throws where no further key of the address is looked at.
    func checkDenials(of address: IPAddress) throws(APIFault) {
        guard limits.isDenied(address, now: .now()) else { return }
        metrics.limited[.denialsPerAddress]?.increment()
        throw .tooManyDenials()
    }

    /// A key that the address showed was wrong.
    func denied(_ address: IPAddress) {
        limits.denied(address, now: .now())
    }
}
