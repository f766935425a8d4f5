package import NIOCore
import Synchronization

/// What one address may take of a module's listeners: sockets, attempts to connect, wrong credentials; and what all may
/// together.
///
/// Asked once or twice per handshake or request of the HTTP API, never per message.
package final class AddressLimits: Sendable {
    package struct Settings: Sendable {
        /// Sockets at a time; 0: any number.
        var connections = 0
        /// Sockets per second, averaged over ``attemptWindow``; 0: any number.
        var attemptsPerSecond = 0
        /// Wrong credentials within ``denialWindow``; 0: any number.
        var denials = 0
        /// Handshakes of all addresses per second; 0: any number.
        var handshakesPerSecond = 0
        /// Not limited.
        var exempt: [AddressRange] = []
    }

    package convenience init(_ policy: AddressPolicy) {
        self.init(Settings(policy))
    }

    package enum Verdict: Equatable, Sendable {
        case admitted
        case tooManyConnections
        case tooManyAttempts
        case tooManyDenials
    }

    static let attemptWindow = Duration.seconds(10)
    static let denialWindow = Duration.seconds(60)

    private struct State: Sendable {
        /// As many as there are sockets at most.
        var connections: [IPAddress: Int] = [:]
        var attempts = WindowedCounts<IPAddress>(window: AddressLimits.attemptWindow)
        var denials = WindowedCounts<IPAddress>(window: AddressLimits.denialWindow)
        var handshakes = WindowedCounts<Bool>(window: .seconds(1))
    }

    private let settings: Settings
    private let state = Mutex(State())

    init(_ settings: Settings) {
        self.settings = settings
    }

    /// Counts a socket in, whatever the verdict; it is to be counted out by ``leave(_:)``.
    package func enter(_ address: IPAddress, now: NIODeadline) -> Verdict {
        guard !isExempt(address) else { return .admitted }
        let network = address.network
        let (settings, now) = (settings, now.uptimeNanoseconds)
        return state.withLock { state in
            let connections = state.connections[network, default: 0] + 1
            state.connections[network] = connections
            let attempts = settings.attemptsPerSecond > 0 ? state.attempts.add(network, now: now) : 0
            let seconds = Int(Self.attemptWindow.components.seconds)
            if settings.attemptsPerSecond > 0, attempts > settings.attemptsPerSecond * seconds {
                return .tooManyAttempts
            }
            if settings.connections > 0, connections > settings.connections { return .tooManyConnections }
            return settings.isDenied(network, &state.denials, now: now) ? .tooManyDenials : .admitted
        }
    }

    /// Whether so many credentials of this address were wrong that no further one is looked at.
    package func isDenied(_ address: IPAddress, now: NIODeadline) -> Bool {
        guard settings.denials > 0, !isExempt(address) else { return false }
        let (settings, network) = (settings, address.network)
        return state.withLock { settings.isDenied(network, &$0.denials, now: now.uptimeNanoseconds) }
    }

    package func leave(_ address: IPAddress) {
        guard !isExempt(address) else { return }
        let network = address.network
        state.withLock { state in
            guard let count = state.connections[network] else { return }
            state.connections[network] = count > 1 ? count - 1 : nil
        }
    }

    /// A credential of this address was wrong.
    package func denied(_ address: IPAddress, now: NIODeadline) {
        guard settings.denials > 0, !isExempt(address) else { return }
        state.withLock { _ = $0.denials.add(address.network, now: now.uptimeNanoseconds) }
    }

    /// Counts a complete request. False where this second has had as many as all addresses together may make.
    func mayHandshake(now: NIODeadline) -> Bool {
        guard settings.handshakesPerSecond > 0 else { return true }
        let limit = settings.handshakesPerSecond
        return state.withLock { state in
            guard state.handshakes.count(of: true, now: now.uptimeNanoseconds) < limit else { return false }
            _ = state.handshakes.add(true, now: now.uptimeNanoseconds)
            return true
        }
    }

    private func isExempt(_ address: IPAddress) -> Bool {
        settings.exempt.contains { $0.contains(address) }
    }
}

extension AddressLimits.Settings {
    init(_ policy: AddressPolicy) {
        self.init(
            connections: policy.connectionsPerAddress, denials: policy.denialsPerAddress, exempt: policy.exemptAddresses
        )
    }

    fileprivate func isDenied(_ network: IPAddress, _ counts: inout WindowedCounts<IPAddress>, now: UInt64) -> Bool {
        denials > 0 && counts.count(of: network, now: now) >= denials
    }
}
