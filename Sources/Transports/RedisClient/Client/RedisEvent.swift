/// A change in the state of one of a client's connections.
public struct RedisEvent: Sendable, Hashable {
    public enum Connection: String, Sendable, Hashable, CustomStringConvertible {
        case commands, subscriptions

        public var description: String { rawValue }
    }

    public enum Change: Sendable, Hashable {
        /// The socket is open; the handshake begins.
        case connected
        /// Redis has accepted the connection, and answered for all subscriptions where it is the one for them: those that
        /// it refuses now though it allowed them before are tried again every ``RedisBackoff/maximum``. The number is
        /// Redis' for this connection (CLIENT ID); nil where the ACL forbids to ask.
        case ready(clientID: Int64?)
        /// The connection ended, or could not be made; it will be tried again unless the client has been stopped.
        case disconnected(RedisError)
    }

    public var connection: Connection
    public var change: Change
}
