package import NIOCore

/// A socket as its shard sees it, open or still in its handshake. Only on the shard's loop.
package protocol ShardSocket: AnyObject {
    /// A deadline that the socket set has come; returns the next one, if any.
    func deadlineReached(now: Tick) -> Tick?
    /// The node stops: end politely.
    func goAway()
    /// The node stops and cannot wait any longer.
    func abort()
}

/// A socket that takes messages. Only on the shard's loop.
package protocol Connection: ShardSocket {
    /// Queues whole frames; nothing is written before ``flush()``.
    func write(_ frames: ByteBuffer)
    /// The same for the members of a channel.
    func write(_ frames: ByteBuffer, of channel: ChannelName)
    /// As ``write(_:)``; the promise tells whether the bytes were written to the socket.
    func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>)
    func flush()
    /// Presence has been told of the connection, so that its terminal may learn that it is open.
    func answer()
    /// Sends a close frame behind what is queued, and ends the connection.
    func close(_ code: CloseCode, reason: String)
    /// Presence has not let the connection in.
    func refuse(_ refusal: ConnectionRefusal)
    /// nil where it keeps up, and always has.
    var slowReceiver: SlowReceiver? { get }
}

extension Connection {
    package func write(_ frames: ByteBuffer, of channel: ChannelName) { write(frames) }

    package var slowReceiver: SlowReceiver? { nil }

    package func refuse(_ refusal: ConnectionRefusal) {
        close(refusal.closeCode, reason: refusal.code)
    }
}

/// A socket's place in its shard, and the count of places' reuse, so that a stale id is recognised.
package struct SocketID: Hashable, Sendable {
    package let index: UInt32
    package let generation: UInt32

    package init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

extension SocketID {
    /// Spreads places evenly over all numbers, whichever places there are: the index's fraction of the golden ratio
    /// (Knuth, The Art of Computer Programming, 6.4).
    var scattered: UInt32 { index &* 0x9E37_79B1 }
}
