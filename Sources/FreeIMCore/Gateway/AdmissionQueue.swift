import NIOCore

/// Lets complete requests of terminals go on a few at a time: where thousands come at once, as after the restart of
/// another node, messages to those already in pass between them. Of one event loop.
final class AdmissionQueue {
    private let eventLoop: any EventLoop
    private var waiting = CircularBuffer<HandshakeHandler>()
    private var room = perTurn
    private var turnEnds: NIODeadline = .uptimeNanoseconds(0)

    /// About as much work for the loop as a turn is long, so that turns end as fast as the work is done.
    static let perTurn = 32
    static let turn = TimeAmount.milliseconds(2)

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Has the handshake go on, at once where few others do. At most as many wait as there are sockets.
    func enter(_ handshake: HandshakeHandler) {
        guard waiting.isEmpty else { return waiting.append(handshake) }
        let now = eventLoop.now
        if now >= turnEnds { beginTurn(now) }
        if room > 0 {
            room -= 1
            handshake.admit()
        } else {
            waiting.append(handshake)
            scheduleTurn()
        }
    }

    private func beginTurn(_ now: NIODeadline) {
        room = Self.perTurn
        turnEnds = now + Self.turn
    }

    private func scheduleTurn() {
        // The queue is not Sendable; this is its own loop, which is checked.
        eventLoop.assumeIsolated().scheduleTask(deadline: turnEnds) { self.goOn() }
    }

    private func goOn() {
        beginTurn(eventLoop.now)
        while room > 0, let handshake = waiting.popFirst() {
            if handshake.admit() { room -= 1 }
        }
        if !waiting.isEmpty { scheduleTurn() }
    }
}
