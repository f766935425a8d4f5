import Foundation
import FreeIMTestSupport
import RedisClient
import RedisTestSupport
import Testing

/// Sixty clients in ten channels on three nodes, and what becomes of them.
@Suite("After a crash the cluster's state is exact again", .serialized)
struct CrashTests {
    private static let ids = Array(1...60)

    private struct World {
        let cluster: Cluster
        let terminals: [Int: Terminal]

        func channels(_ ids: [Int]) -> [Int: [String]] {
            Dictionary(uniqueKeysWithValues: ids.map { ($0, ["r\($0 % 10)"]) })
        }

        func isExact(_ ids: [Int], within deadline: Duration) async throws {
            try await eventually(within: deadline) { (try? await cluster.holdsExactly(channels(ids))) == true }
        }

        /// A message to a channel reaches its members.
        func reaches(_ ids: [Int], text: String) async throws {
            let body = #"__FreeIM__(ChanMessage){"Item1":0,"Item2":"r3","Item3":"\#(text)"}"#
            try await cluster.pipeline(cluster.publishEverywhere(body))
            for id in ids where id % 10 == 3 { #expect(try await terminals[id]?.texts(1) == [text]) }
        }

        func offline(_ ids: [Int]) async throws {
            try await eventually { cluster.events.bodies("evt_im_v2_wsOffline").count >= ids.count }
            let bodies = ids.map { #"{"Item1":\#($0),"Item2":"m\#($0)"}"# }
            #expect(cluster.events.bodies("evt_im_v2_wsOffline").sorted() == bodies.sorted())
        }
    }

    private static func with(_ body: (World) async throws -> Void) async throws {
        try await Cluster.with(nodes: 3) { cluster in
            var terminals: [Int: Terminal] = [:]
            for id in ids { terminals[id] = try await cluster.connect(id) }
            try await cluster.pipeline(ids.map { cluster.command(Cluster.joinScript, "\($0)", "r\($0 % 10)") })
            let world = World(cluster: cluster, terminals: terminals)
            try await world.isExact(ids, within: .seconds(5))
            // What is told of later must not be mixed up with these.
            try await eventually { cluster.events.bodies("evt_im_v2_wsOnline").count == ids.count }
            cluster.events.clear()
            try await body(world)
        }
    }

    private static func onNode(_ node: Int) -> [Int] { ids.filter { $0 % 3 == node } }
    private static func elsewhere(_ node: Int) -> [Int] { ids.filter { $0 % 3 != node } }

    @Test("kill -9 of a node: its clients are gone within the lease, each with one event")
    func killedNode() async throws {
        try await Self.with { world in
            world.cluster.nodes[1].signal(SIGKILL)
            // A lease of two seconds, and three more.
            try await world.isExact(Self.elsewhere(1), within: .seconds(5))
            try await world.offline(Self.onNode(1))
            try await world.reaches(Self.elsewhere(1), text: "on")
        }
    }

    @Test("kill -9 of a node that starts again within its lease")
    func restartedNode() async throws {
        try await Self.with { world in
            world.cluster.nodes[1].signal(SIGKILL)
            try await world.cluster.restart(1)
            try await world.isExact(Self.elsewhere(1), within: .seconds(5))
            try await world.offline(Self.onNode(1))
        }
    }

    @Test("a node that was stopped beyond its lease puts its clients back, into their channels")
    func pausedNode() async throws {
        try await Self.with { world in
            world.cluster.nodes[1].signal(SIGSTOP)
            try await world.isExact(Self.elsewhere(1), within: .seconds(5))
            world.cluster.nodes[1].signal(SIGCONT)
            try await world.isExact(Self.ids, within: .seconds(10))
            try await world.reaches(Self.ids, text: "back")
        }
    }

    @Test("kill -9 of Redis, which comes back empty")
    func emptyRedis() async throws {
        try await Self.with { world in
            world.cluster.server.kill9()
            try world.cluster.server.restart()
            try await world.isExact(Self.ids, within: .seconds(15))
            // The bus is up on all nodes when they are ready.
            for node in world.cluster.nodes {
                let api = API(port: node.apiPort)
                try await eventually(within: .seconds(15)) { try await api("GET", "/health/ready").status == 200 }
            }
            try await world.reaches(Self.ids, text: "again")
        }
    }

    @Test("Redis stops for a while: nobody is offline, terminals of one node go on talking")
    func pausedRedis() async throws {
        try await Self.with { world in
            let cluster = world.cluster
            let api = API(port: cluster.nodes[0].apiPort)
            cluster.server.signal(SIGSTOP)
            try await eventually(within: .seconds(6)) {
                let answer = try await api("GET", "/health/ready")
                return answer.status == 503 && answer.text.contains("the transport")
            }
            // Its home is the node that is asked.
            #expect(try await api("POST", "/v1/messages", #"{"to":[3],"message":"local"}"#).status == 200)
            #expect(try await world.terminals[3]?.next() == .text(#""local""#))
            cluster.server.signal(SIGCONT)
            try await eventually(within: .seconds(15)) { try await api("GET", "/health/ready").status == 200 }
            try await world.isExact(Self.ids, within: .seconds(15))
            #expect(cluster.events.bodies("evt_im_v2_wsOffline").isEmpty)
            for node in cluster.nodes {
                let api = API(port: node.apiPort)
                try await eventually(within: .seconds(15)) { try await api("GET", "/health/ready").status == 200 }
            }
            try await world.reaches(Self.ids, text: "after")
        }
    }
}
