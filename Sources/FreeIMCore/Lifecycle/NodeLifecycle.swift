/// Where a node stands: it starts, serves, and leaves, in a hurry if need be. Each step is taken once and never back.
///
/// The gateway takes the first two steps, so that readiness and supervision follow what terminals find.
public final class NodeLifecycle: Sendable {
    public enum Phase: Sendable {
        /// Terminals cannot connect yet.
        case starting
        case serving
        /// The node stops; nobody should be sent to it any more.
        case leaving
    }

    package let serving = Gate()
    package let leaving = Gate()
    package let hurrying = Gate()

    package init() {}

    public var phase: Phase {
        if leaving.isOpen { return .leaving }
        return serving.isOpen ? .serving : .starting
    }

    /// Terminals can connect.
    public func serve() { serving.open() }

    /// The node stops. Comes first of all that a gateway does on graceful shutdown.
    public func leave() { leaving.open() }

    /// Ends everything that gives terminals time; without effect where nothing does.
    public func hurry() { hurrying.open() }
}
