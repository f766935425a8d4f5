import NIOCore
import Synchronization

/// What terminals are told when their node stops: when to come back, each at another moment.
final class Departure: Sendable {
    /// Milliseconds over which those who are told at the same moment should come back.
    private let spread = Atomic(2_000)
    /// When handshakes are not even refused any more, in nanoseconds of ``NIODeadline``.
    private let end = Atomic<UInt64>(0)

    /// A moment for a terminal to find another node.
    private static let shortestPause = 500

    func plan(spread: Duration, end: NIODeadline) {
        self.spread.store(Int(spread / .milliseconds(1)), ordering: .relaxed)
        self.end.store(end.uptimeNanoseconds, ordering: .relaxed)
    }

    /// The reason of the close frame, in JSON: `{"message":"the node stops; connect again","retry_after":1.7}`, in seconds.
    func reason(for socket: SocketID) -> String {
        let spread = UInt64(max(0, spread.load(ordering: .relaxed)))
        let pause = Self.shortestPause + Int((UInt64(socket.scattered) * spread) >> 32)
        return #"{"message":"the node stops; connect again","retry_after":\#(pause / 1_000).\#(pause % 1_000 / 100)}"#
    }

    /// The answer to handshakes.
    var refusal: Refusal {
        let left = NIODeadline.uptimeNanoseconds(end.load(ordering: .relaxed)) - .now()
        return Refusal(
            503, "going_away", "this node stops; connect again in a moment",
            headers: [("Retry-After", "\(max(1, left.nanoseconds / 1_000_000_000 + 1))")])
    }
}
