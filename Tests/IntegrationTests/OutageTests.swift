import Foundation
import FreeIMTestSupport
import RedisTestSupport
import Testing

@Suite("An outage of Redis costs no connection, and afterwards the cluster's state is exact", .serialized)
struct OutageTests {
    @Test("kill -9 of Redis, which comes back empty")
    func emptyRedis() async throws {
        try await Population.with(300) { population in
            population.cluster.server.kill9()
            try population.cluster.server.restart()
            try await population.isExact(population.ids, within: .seconds(15))
            // The bus is up on all nodes when they are ready.
            try await population.isReady(within: .seconds(15))
            try await population.reaches(population.ids, text: "again")
            #expect(population.cluster.events.bodies(Population.offline).isEmpty)
        }
    }

    @Test("Redis stops for longer than a lease: nodes say so, and nobody is told to be offline")
    func pausedRedis() async throws {
        try await Population.with(300) { population in
            let cluster = population.cluster
            let clock = ContinuousClock()
            cluster.server.signal(SIGSTOP)
            let stopped = clock.now
            for node in cluster.nodes {
                let api = API(port: node.apiPort)
                try await eventually(within: .seconds(8) - stopped.duration(to: clock.now)) {
                    let answer = try await api("GET", "/health/ready")
                    return answer.status == 503 && answer.text.contains("the transport")
                }
            }
            // Three times as long as a lease.
            try await eventually(within: .seconds(12)) { stopped.duration(to: clock.now) >= .seconds(6) }
            cluster.server.signal(SIGCONT)
            try await population.isReady(within: .seconds(15))
            try await population.isExact(population.ids, within: .seconds(15))
            try await population.reaches(population.ids, text: "after")
            #expect(cluster.events.bodies(Population.offline).isEmpty)
        }
    }

    @Test("a message through a node's own API reaches that node's clients during an outage")
    func localDelivery() async throws {
        try await Population.with(9) { population in
            let cluster = population.cluster
            cluster.server.signal(SIGSTOP)
            for (index, node) in cluster.nodes.enumerated() {
                let api = API(port: node.apiPort)
                // Until then a message waits for Redis, and its sender is told that it did not answer.
                try await eventually(within: .seconds(6)) {
                    try await api("GET", "/health/ready").text.contains("the transport")
                }
                let id = try #require(population.at(index).first)
                let answer = try await api("POST", "/v1/messages", #"{"to":[\#(id)],"message":"local"}"#)
                #expect(answer.status == 200, "\(answer.text)")
                #expect(try await population.terminals[id]?.next() == .text(#""local""#))
            }
            cluster.server.signal(SIGCONT)
            try await population.isReady(within: .seconds(15))
            // What was delivered locally does not come a second time.
            try await population.reaches(population.ids, text: "after")
        }
    }
}
