/// What is done to the cluster, and for how long.
enum Fault: Equatable {
    /// kill -9, and a start on the same name after a time.
    case killNode(Int, Duration)
    /// SIGSTOP, and SIGCONT after a time.
    case stopNode(Int, Duration)
    /// kill -9, and a start with what was saved a second before, or with nothing.
    case killRedis(isEmpty: Bool, Duration)
    case stopRedis(Duration)
    /// CLIENT KILL of all that nodes hold.
    case killConnections
    /// Each piece between a node and Redis, both ways, comes so much later.
    case delay(Int, by: Duration, Duration)
    /// Connections between a node and Redis are reset, and none is let through for a time.
    case cut(Int, Duration)
    /// Connections between a node and Redis stay open, but nothing passes for a time.
    case stall(Int, Duration)
}

extension Fault {
    /// Of the nodes here.
    static let lease = Duration.seconds(2)
    /// A standstill below this is never taken for an outage: a lease less a renewal, and some for a busy machine.
    static let unnoticed = Duration.seconds(1)

    /// Whose messages may be lost.
    enum Reach: Equatable {
        /// Nobody's: what is late must come. (A killed node's terminals lose their connection, which the account sees.)
        case nobody
        /// Redis keeps nothing for a subscriber that is not there, nor for one that had to connect again.
        case terminals(of: Int)
        case everyone
    }

    var reach: Reach {
        switch self {
        // What a node that stands still is sent waits in its sockets.
        case .killNode, .stopNode, .delay: .nobody
        case .stall(let node, let time): time < Self.unnoticed ? .nobody : .terminals(of: node)
        case .cut(let node, _): .terminals(of: node)
        case .stopRedis(let time): time < Self.unnoticed ? .nobody : .everyone
        case .killRedis, .killConnections: .everyone
        }
    }

    /// How long it lasts by plan, without what the cluster needs afterwards.
    var time: Duration {
        switch self {
        case .killNode(_, let time), .stopNode(_, let time), .killRedis(_, let time), .stopRedis(let time),
            .delay(_, _, let time), .cut(_, let time), .stall(_, let time):
            time
        case .killConnections: .zero
        }
    }
}

extension Fault: CustomStringConvertible {
    var description: String {
        switch self {
        case .killNode(let node, let time): "kill -9 of node \(node), back after \(time.text)"
        case .stopNode(let node, let time): "SIGSTOP of node \(node) for \(time.text)"
        case .killRedis(true, let time): "kill -9 of Redis, back empty after \(time.text)"
        case .killRedis(false, let time): "kill -9 of Redis, back with data after \(time.text)"
        case .stopRedis(let time): "SIGSTOP of Redis for \(time.text)"
        case .killConnections: "CLIENT KILL of all nodes' connections"
        case .delay(let node, let delay, let time): "node \(node) and Redis \(delay.text) apart for \(time.text)"
        case .cut(let node, let time): "node \(node) cut off from Redis for \(time.text)"
        case .stall(let node, let time): "nothing passes between node \(node) and Redis for \(time.text)"
        }
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
    var text: String { seconds.inSeconds }
}
