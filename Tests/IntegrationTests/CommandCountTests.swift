import FreeIMTestSupport
import RedisClient
import Testing

@Suite("What a cluster asks of Redis does not grow with its messages", .serialized)
struct CommandCountTests {
    @Test("a thousand channel messages: no member is read, and hardly a command is sent")
    func thousandMessages() async throws {
        try await Population.with(30) { population in
            let cluster = population.cluster
            try await population.reaches(population.ids, text: "first")
            let before = try await Self.calls(cluster)
            let clock = ContinuousClock()
            let begin = clock.now
            for portion in 0..<20 {
                try await cluster.pipeline(
                    (0..<50).flatMap { at in
                        cluster.publishEverywhere(
                            #"__FreeIM__(ChanMessage){"Item1":0,"Item2":"r3","Item3":"\#(portion * 50 + at)"}"#)
                    })
                // Over three seconds in all, so that renewals of leases are seen beside them.
                let next = begin + .milliseconds(150) * (portion + 1)
                try await eventually { clock.now >= next }
            }
            let numbers = (0..<1_000).map { "\($0)" }
            for id in population.ids where Population.channel(of: id) == "r3" {
                #expect(try await population.terminals[id]?.texts(1_000) == numbers)
            }
            let after = try await Self.calls(cluster)
            let seconds = begin.duration(to: clock.now) / .seconds(1)
            let asked = after.merging(before) { $0 - $1 }.filter { $0.value > 0 }
            #expect(asked["publish", default: 0] >= 3_000)
            for reading in ["hkeys", "hgetall", "hscan", "hget", "hmget", "scan", "keys"] {
                #expect(asked[reading] == nil, "\(asked)")
            }
            let further = asked.filter { !["publish", "ping", "info"].contains($0.key) }.values.reduce(0, +)
            #expect(further > 0, "the renewals ought to be among them: \(asked)")
            #expect(Double(further) <= Self.perSecond * (seconds + 1), "\(asked) in \(seconds) s")
        }
    }

    /// Three nodes renew their leases twice a second, by a script of nine calls, itself included; a tenth is to spare.
    private static let perSecond = 60.0

    /// Calls by command, those of scripts included.
    private static func calls(_ cluster: Cluster) async throws -> [String: Int] {
        let stats = try await cluster.redis.send(RedisCommand("INFO", "commandstats")).string ?? ""
        var calls: [String: Int] = [:]
        for line in stats.split(whereSeparator: \.isNewline) where line.hasPrefix("cmdstat_") {
            let parts = line.dropFirst("cmdstat_".count).split(separator: ":", maxSplits: 1)
            let count = parts.last?.split(separator: ",").first?.split(separator: "=").last
            if let name = parts.first, let count = count.flatMap({ Int($0) }) { calls[String(name)] = count }
        }
        return calls
    }
}
