import FreeIMTestSupport
import Testing

/// Clients in ten channels on three nodes, each at home, and what ought to be true of them.
struct Population {
    let cluster: Cluster
    let ids: [Int]
    let terminals: [Int: Terminal]

    /// Runs `body` with so many clients that are connected and in their channels.
    static func with(_ count: Int, _ body: (Population) async throws -> Void) async throws {
        try await Cluster.with(nodes: 3) { cluster in
            let ids = Array(1...count)
            var terminals: [Int: Terminal] = [:]
            for id in ids { terminals[id] = try await cluster.connect(id) }
            try await cluster.pipeline(ids.map { cluster.command(Cluster.joinScript, "\($0)", channel(of: $0)) })
            let population = Population(cluster: cluster, ids: ids, terminals: terminals)
            try await population.isExact(ids, within: .seconds(30))
            try await eventually { cluster.events.bodies(Self.online).count == count }
            // What is told of later must not be mixed up with these.
            cluster.events.clear()
            try await body(population)
        }
    }

    static let online = "evt_im_v2_wsOnline"
    static let offline = "evt_im_v2_wsOffline"

    static func channel(of id: Int) -> String { "r\(id % 10)" }

    func at(_ node: Int) -> [Int] { ids.filter { cluster.home(of: $0) == node } }
    func notAt(_ node: Int) -> [Int] { ids.filter { cluster.home(of: $0) != node } }

    /// Waits until Redis holds these clients and no others, and each in its channel.
    func isExact(_ ids: [Int], within deadline: Duration) async throws {
        let channels = Dictionary(uniqueKeysWithValues: ids.map { ($0, [Self.channel(of: $0)]) })
        do {
            try await eventually(within: deadline) { (try? await cluster.holdsExactly(channels)) == true }
        } catch {
            await cluster.explain()
            throw error
        }
    }

    /// Waits until every node is ready.
    func isReady(within deadline: Duration) async throws {
        for node in cluster.nodes {
            let api = API(port: node.apiPort)
            do {
                try await eventually(within: deadline) { try await api("GET", "/health/ready").status == 200 }
            } catch {
                await cluster.explain()
                throw error
            }
        }
    }

    /// A message to each channel reaches exactly its members, as the next event of their sockets, besides pings.
    func reaches(_ ids: [Int], text: String) async throws {
        for channel in Set(ids.map(Self.channel)) {
            let body = #"__FreeIM__(ChanMessage){"Item1":0,"Item2":"\#(channel)","Item3":"\#(text) \#(channel)"}"#
            try await cluster.pipeline(cluster.publishEverywhere(body))
        }
        for id in ids {
            let event = try await terminals[id]?.nextBesidesPings()
            #expect(event == .text("\(text) \(Self.channel(of: id))"), "client \(id)")
        }
    }

    /// Exactly one event for each of these clients has been published.
    func events(_ channel: String, are ids: [Int]) async throws {
        try await eventually { cluster.events.bodies(channel).count >= ids.count }
        let bodies = ids.map { #"{"Item1":\#($0),"Item2":"m\#($0)"}"# }
        #expect(cluster.events.bodies(channel).sorted() == bodies.sorted())
    }
}
