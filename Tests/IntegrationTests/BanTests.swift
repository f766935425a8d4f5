import Foundation
import FreeIMTestSupport
import RedisClient
import Testing

@Suite("A client that was forced offline with a ban stays away from every node")
struct BanTests {
    @Test("the reason is in the close frame, handshakes are refused on both nodes until the ban is over")
    func ban() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            // At home on the second node, with a connection on each.
            let terminals = [try await cluster.connect(7, to: 0), try await cluster.connect(7, to: 1)]
            let answer = try await API(port: cluster.nodes[0].apiPort)(
                "DELETE", "/v1/clients/7", #"{"reason":"spam, für heute","ban":"3s"}"#)
            #expect(answer.status == 200)
            for terminal in terminals { #expect(try await terminal.next() == .close(4500, "spam, für heute")) }
            for node in [0, 1, 0] {
                let refused = try #require(await refusal(of: 7, on: node, cluster))
                #expect(refused.status == 403)
                #expect(refused.body.contains(#""code":"banned""#))
                let seconds = refused.head.firstMatch(of: /Retry-After: ([1-3])/)
                #expect(seconds != nil, "\(refused.head)")
            }
            let other = try await cluster.connect(9)
            var back: Terminal?
            try await eventually(within: .seconds(30)) {
                back = try? await cluster.connect(7, to: 0)
                return back != nil
            }
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["7": "1", "9": "1"] }
            #expect(cluster.events.bodies("evt_im_v2_wsOnline").count == 3, "who was refused has not been online")
            let metrics = try await API(port: cluster.nodes[1].apiPort)("GET", "/metrics").text
            #expect(metrics.contains("freeim_node_connections_banned_total 1"))
            #expect(metrics.contains(#"freeim_gateway_handshakes_refused_total{status="403"} 1"#))
            #expect(metrics.contains("freeim_gateway_connections_opened_total 2"))
            try await other.close()
            try await back?.close()
        }
    }

    @Test("a ban ends when it is lifted, and nothing of it stays in Redis")
    func lifted() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let apis = cluster.nodes.map { API(port: $0.apiPort) }
            try await apis[1]("DELETE", "/v1/clients/7", #"{"ban":"24h"}"#)
            #expect(try #require(await refusal(of: 7, on: 0, cluster)).status == 403)
            let remaining = try await cluster.redis.send(RedisCommand("PTTL", "im_v2_wsBanned")).integer
            #expect(try #require(remaining) > 86_000_000)
            try await apis[0]("DELETE", "/v1/clients/7", #"{"ban":0}"#)
            #expect(try await cluster.redis.send(RedisCommand("EXISTS", "im_v2_wsBanned")).integer == 0)
            let terminal = try await cluster.connect(7, to: 0)
            try await terminal.close()
        }
    }

    @Test("who is connecting while the ban comes does not stay")
    func race() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let api = API(port: cluster.nodes[0].apiPort)
            var openings: [(port: Int, target: String)] = []
            for number in 0..<40 {
                openings.append((cluster.nodes[number % 2].gatewayPort, try await cluster.target(7)))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (port, target) in openings {
                    group.addTask { _ = try? await Terminal.connect(port, target).next(within: .seconds(30)) }
                }
                group.addTask { try await api("DELETE", "/v1/clients/7", #"{"ban":"1h"}"#) }
                try await group.waitForAll()
            }
            try await eventually { try await cluster.hash("im_v2_wsOnline") == [:] }
        }
    }

    /// FreeIM's command closes as it always did.
    @Test("FreeIM's own command bans nobody")
    func plain() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let terminal = try await cluster.connect(7, to: 0)
            try await cluster.pipeline([cluster.publication("__FreeIM__(ForceOffline)7", to: 1)])
            #expect(try await terminal.next() == .close(4500, "forced offline"))
            try await cluster.connect(7, to: 0).close()
        }
    }

    private func refusal(of client: Int, on node: Int, _ cluster: Cluster) async -> Terminal.Refused? {
        await #expect(throws: Terminal.Refused.self) { try await cluster.connect(client, to: node) }
    }
}
