import NIOCore
import Synchronization

/// What one address may take of a gateway: sockets, attempts to connect, wrong tokens; and what all may together.
///
/// Asked once or twice per handshake, never per message.
final class AddressLimits: Sendable {
    struct Settings: Sendable {
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

    enum Verdict: Equatable, Sendable {
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
    func enter(_ address: IPAddress, now: NIODeadline) -> Verdict {
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
            if settings.denials > 0, state.denials.count(of: network, now: now) >= settings.denials {
                return .tooManyDenials
            }
            return .admitted
        }
    }

    func leave(_ address: IPAddress) {
        guard !isExempt(address) else { return }
        let network = address.network
        state.withLock { state in
            guard let count = state.connections[network] else { return }
            state.connections[network] = count > 1 ? count - 1 : nil
        }
    }

    /// A credential of this address was wrong.
    func denied(_ address: IPAddress, now: NIODeadline) {
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
