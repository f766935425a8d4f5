public import NIOCore
public import ServiceLifecycle

/// The bus between senders and nodes: publish, subscribe, readiness, and nothing else.
///
/// **Order**: messages that one caller publishes to one subject arrive in the order of the calls, also when the caller
/// does not wait for the futures. **Delivery**: at most once, to whoever is subscribed.
public protocol Transport: Service {
    /// Hands messages to the bus, in order. Never blocks; may be called on any thread.
    ///
    /// - Returns: a future that succeeds when the bus has taken all messages, and fails with ``TransportError`` when
    ///   it has not, or may have: the bounded queue stayed full, or the bus stayed unreachable, for the transport's deadline.
    func publish(_ messages: [BusMessage]) -> EventLoopFuture<Void>

    /// Subscribes `inbox` to subjects, matched exactly. Returns once messages published from now on will arrive.
    func subscribe(_ inbox: any TransportInbox, to subjects: [String]) async throws(TransportError)

    /// Ends all subscriptions of `inbox`, compared by identity. Messages on their way may still arrive.
    func unsubscribe(_ inbox: any TransportInbox) async

    /// Returns when the bus can carry messages; throws on cancellation. Asked before the gateway binds and by
    /// `/health/ready`.
    func ready() async throws
}

/// A message on the bus.
public struct BusMessage: Sendable, Equatable {
    public var subject: String
    public var body: ByteBuffer

    public init(subject: String, body: ByteBuffer) {
        self.subject = subject
        self.body = body
    }
}

/// The receiving end of a subscription.
///
/// Both methods are called on ``eventLoop``, never block and never fail: what an inbox cannot use it counts and drops.
public protocol TransportInbox: AnyObject, Sendable {
    /// The loop on which the inbox is called.
    var eventLoop: any EventLoop { get }
    /// One message. Messages come in bursts; act on them in ``burstEnded()`` where acting together is cheaper.
    func receive(_ body: ByteBuffer, on subject: String)
    /// No further message is at hand right now.
    func burstEnded()
}

/// Why a transport did not take a message or a subscription.
public struct TransportError: Error, Sendable, CustomStringConvertible {
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// The transport's queue stayed full for its deadline.
        public static let overloaded = Code(description: "overloaded")
        /// The bus could not be reached within the deadline.
        public static let unavailable = Code(description: "unavailable")
        /// The transport has been stopped.
        public static let stopped = Code(description: "stopped")
    }

    public var code: Code
    /// What happened and what can be done about it.
    public var message: String
    public var underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public var description: String { "\(message) [\(code)]" }
}
