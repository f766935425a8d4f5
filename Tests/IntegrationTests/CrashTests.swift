import Foundation
import FreeIMTestSupport
import Testing

/// Three hundred clients in ten channels on three nodes, and what becomes of them.
@Suite("After a crash the cluster's state is exact again", .serialized)
struct CrashTests {
    private static let size = 300

    @Test("kill -9 of a node: its clients are gone within the lease, each with one event")
    func killedNode() async throws {
        try await Population.with(Self.size) { population in
            population.cluster.nodes[1].signal(SIGKILL)
            // A lease of two seconds, what comes behind it, and a busy machine's time.
            try await population.isExact(population.notAt(1), within: .seconds(15))
            try await population.events(Population.offline, are: population.at(1))
            try await population.reaches(population.notAt(1), text: "on")
        }
    }

    @Test("kill -9 of a node that starts again within its lease")
    func restartedNode() async throws {
        try await Population.with(Self.size) { population in
            population.cluster.nodes[1].signal(SIGKILL)
            try await population.cluster.restart(1)
            try await population.isExact(population.notAt(1), within: .seconds(15))
            try await population.events(Population.offline, are: population.at(1))
            try await population.reaches(population.notAt(1), text: "on")
        }
    }

    @Test("a node that was stopped beyond its lease puts its clients back, into their channels")
    func pausedNode() async throws {
        try await Population.with(Self.size) { population in
            population.cluster.nodes[1].signal(SIGSTOP)
            try await population.isExact(population.notAt(1), within: .seconds(15))
            try await population.events(Population.offline, are: population.at(1))
            population.cluster.nodes[1].signal(SIGCONT)
            try await population.isExact(population.ids, within: .seconds(30))
            try await population.events(Population.online, are: population.at(1))
            try await population.reaches(population.ids, text: "back")
            #expect(population.cluster.events.bodies(Population.offline).count == population.at(1).count)
        }
    }
}
