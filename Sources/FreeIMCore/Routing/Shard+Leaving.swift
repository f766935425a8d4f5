/// Connections that are let go over a time, paced by the shard's clock.
extension Shard {
    struct Leaving {
        /// The place to go on from.
        var next = 0
        /// Connections to tell per tick.
        let perTick: Double
        /// What of ``perTick`` is still to be told; parts of a connection are carried over.
        var owed = 0.0
        /// Called once, when all have been told.
        let done: @Sendable () -> Void
    }

    /// Ends handshakes at once, and connections politely, spread over so many ticks, the first of which is now. Those that
    /// come meanwhile are left to ``goAwayAll()``.
    ///
    /// - Parameter done: called on the shard's loop when all have been told, by this or by ``goAwayAll()``.
    func leave(over ticks: Int, _ done: @escaping @Sendable () -> Void) {
        for place in places where place.connection == nil { place.socket?.goAway() }
        leaving = Leaving(perTick: Double(connectionCount) / Double(max(1, ticks)), done: done)
        leaveOn()
    }

    /// One tick's portion.
    func leaveOn() {
        guard var leaving else { return }
        leaving.owed += leaving.perTick
        while leaving.next < places.count, connectionCount > 0 {
            if let connection = places[leaving.next].connection {
                guard leaving.owed >= 1 else { break }
                leaving.owed -= 1
                connection.goAway()
            }
            leaving.next += 1
        }
        self.leaving = leaving
        if leaving.next >= places.count || connectionCount == 0 { endLeaving() }
    }

    func endLeaving() {
        guard let done = leaving?.done else { return }
        leaving = nil
        done()
    }
}
