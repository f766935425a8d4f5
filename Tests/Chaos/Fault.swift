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
    /// The same in one direction only.
    case stallOneWay(Int, Direction, Duration)
    /// Bytes between a node and Redis come as over a network that loses and reorders packets.
    case rough(Int, Duration)
    /// A node loses its connections to Redis while its log has no room: a full disk, or a pipe that nobody reads.
    case logFull(Int, Duration)
    /// Redis' wall clock jumps, forwards or back; nodes have none.
    case clockJump(Duration)
}

/// A way between a node and Redis.
enum Direction: CaseIterable {
    case toRedis, toNode
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
        case .killNode, .stopNode, .delay, .rough, .clockJump: .nobody
        case .stall(let node, let time), .stallOneWay(let node, _, let time):
            time < Self.unnoticed ? .nobody : .terminals(of: node)
        case .cut(let node, _), .logFull(let node, _): .terminals(of: node)
        case .stopRedis(let time): time < Self.unnoticed ? .nobody : .everyone
        case .killRedis, .killConnections: .everyone
        }
    }

    /// Of whose clients events may be late, lost or in the wrong order: a node that is killed or stands still may have
    /// stored what it has not told yet, and be swept up after meanwhile.
    var disturbs: Reach {
        switch self {
        case .killNode(let node, _), .stopNode(let node, _), .delay(let node, _, _), .cut(let node, _),
            .stall(let node, _), .stallOneWay(let node, _, _), .rough(let node, _), .logFull(let node, _):
            .terminals(of: node)
        case .stopRedis, .killRedis, .killConnections: .everyone
        case .clockJump: .nobody
        }
    }

    /// Whether Redis comes back with less than it had said to have stored.
    var forgets: Bool { if case .killRedis = self { true } else { false } }

    /// How long it lasts by plan, without what the cluster needs afterwards.
    var time: Duration {
        switch self {
        case .killNode(_, let time), .stopNode(_, let time), .killRedis(_, let time), .stopRedis(let time),
            .delay(_, _, let time), .cut(_, let time), .stall(_, let time), .stallOneWay(_, _, let time),
            .rough(_, let time), .logFull(_, let time):
            time
        case .killConnections, .clockJump: .zero
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
        case .stallOneWay(let node, .toRedis, let time): "nothing passes from node \(node) to Redis for \(time.text)"
        case .stallOneWay(let node, .toNode, let time): "nothing passes from Redis to node \(node) for \(time.text)"
        case .rough(let node, let time): "packets between node \(node) and Redis are lost and split for \(time.text)"
        case .logFull(let node, let time): "CLIENT KILL of node \(node), whose log has no room for \(time.text)"
        case .clockJump(let time): "Redis' clock jumps by \(time.text)"
        }
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
    var text: String { seconds.inSeconds }
}
