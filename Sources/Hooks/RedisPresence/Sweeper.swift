/// Decides whose connections a node may sweep up.
struct Sweeper {
    private let node: String
    private let lease: Duration
    private var incarnation: String?
    private var since = ContinuousClock.now

    init(node: String, lease: Duration) {
        self.node = node
        self.lease = lease
    }

    /// The node has a lease, from now on.
    mutating func enlisted(as incarnation: String, at now: ContinuousClock.Instant = .now) {
        self.incarnation = incarnation
        since = now
    }

    /// Earlier incarnations of the node itself at once; others once this node has kept its lease for as long as a lease
    /// is, since after an outage of Redis all leases have run out and their nodes come back within it.
    func due(_ expired: [String], at now: ContinuousClock.Instant = .now) -> [String] {
        expired.filter { other in
            other != incarnation && (other.hasPrefix("\(node)@") || since.duration(to: now) >= lease)
        }
    }
}
