public import NIOCore

/// The receiving end of subscriptions.
///
/// The methods are called on the client's ``RedisClient/eventLoop`` and must not block.
public protocol RedisSubscriber: AnyObject, Sendable {
    /// A message of a channel (SUBSCRIBE). Messages come in bursts; act on them in ``burstEnded()`` where acting
    /// together is cheaper. `body` shares its memory with what came beside it: of what is kept for long, keep a copy.
    func received(_ body: ByteBuffer, on channel: String)
    /// No further message is at hand right now. Called after each burst that had something for this subscriber.
    func burstEnded()
    /// Keys have changed since they were read (CLIENT TRACKING); nil means any key may have: the database was flushed,
    /// or the connection was made anew. Only called after ``RedisClient/track(_:_:)``, and before any message that was
    /// published after the change.
    func invalidated(_ keys: [ByteBuffer]?)
}

extension RedisSubscriber {
    public func invalidated(_ keys: [ByteBuffer]?) {}
}

/// Of which keys a client hears that they have changed (CLIENT TRACKING).
public enum RedisTracking: Sendable, Hashable {
    /// All keys that begin with one of the prefixes, by whomever they are changed.
    case prefixes([String])
    /// The keys that this client has read since they last changed. `ignoringOwn`: not where this client changed them
    /// itself (NOLOOP).
    case keysRead(ignoringOwn: Bool)
}
