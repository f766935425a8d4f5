import FreeIMCore
import Metrics

/// What `presence.redis` counts.
struct PresenceMetrics: Sendable {
    /// Changes that Redis did not take when they came.
    let unstored = Counter(label: "freeim_presence_unstored_total")
    /// Leases of this node that ran out.
    let leasesLost = Counter(label: "freeim_presence_leases_lost_total")
    /// Times that all connections were stored anew.
    let enlistments = Counter(label: "freeim_presence_enlistments_total")
    /// Clients of lost nodes that this node swept up.
    let swept = Counter(label: "freeim_presence_swept_total")
    /// Clients whose channels were read because somebody else changed them.
    let reread = Counter(label: "freeim_presence_reread_total")
    let refusedJoins = RefusedJoins()
}
