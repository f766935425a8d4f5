import RedisTestSupport
import Testing

@Suite("All that ImHelper was recorded to send, sent to running nodes")
struct RecordedCallsTests {
    /// No `ImHelper` came to be, so there is nothing to send.
    private static let withoutClient = [
        "J: redis unreachable, HasOnline", "J: redis unreachable, EventBus", "H: path null, (connect)",
        "H: servers empty, (connect)",
    ]

    @Test("Each call: what Redis replies, what terminals receive, what stands in Redis then")
    func replay() async throws {
        let calls = try CallVector.all()
        #expect(calls.count == 187)
        let left = calls.filter { $0.layout == nil }
        #expect(left.map { "\($0.group), \($0.call)" } == Self.withoutClient)
        #expect(left.allSatisfy { $0.commands.isEmpty && $0.published.isEmpty })

        let groups = Dictionary(grouping: calls.grouped()) { $0[0].layout }
        var replayed = 0
        for case (let layout?, let groups) in groups {
            try await Cluster.with(layout) { cluster in
                for group in groups {
                    try await RecordedGroup(group, cluster).replay()
                    replayed += group.count
                }
                for node in cluster.nodes {
                    let metrics = try await API(port: node.apiPort)("GET", "/metrics").text
                    #expect(metrics.contains("freeim_node_messages_malformed_total 0\n"))
                }
            }
        }
        #expect(replayed == calls.count - Self.withoutClient.count)
    }
}
