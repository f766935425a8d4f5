import FreeIMTestSupport
import RedisClient
import Testing

@Suite("Joins and leaves of ImHelper, which tells nobody, hold for the very next message")
struct MembershipTests {
    private static func message(_ channel: String, _ text: String) -> String {
        #"__FreeIM__(ChanMessage){"Item1":0,"Item2":"\#(channel)","Item3":"\#(text)"}"#
    }

    @Test("join, message, leave and message in one pipeline: the first is delivered, the second is not")
    func pipelined() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let terminals = [1: try await cluster.connect(1), 2: try await cluster.connect(2, to: 1)]
            try await eventually { try await cluster.hash("im_v2_wsOnline").count == 2 }
            for round in 0..<50 {
                // A channel anew, and one that both know already.
                for channel in ["new\(round)", "known"] {
                    try await cluster.pipeline(
                        [1, 2].map { cluster.command(Cluster.joinScript, "\($0)", channel) }
                            + cluster.publishEverywhere(Self.message(channel, "in \(round)")))
                    for (id, terminal) in terminals {
                        #expect(try await terminal.next() == .text("in \(round)"), "client \(id), \(channel)")
                    }
                    try await cluster.pipeline(
                        [1, 2].map { cluster.command(Cluster.leaveScript, "\($0)", channel) }
                            + cluster.publishEverywhere(Self.message(channel, "out \(round)")))
                }
            }
            try await cluster.pipeline(
                cluster.publishEverywhere(#"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"end"}"#))
            for (id, terminal) in terminals { #expect(try await terminal.next() == .text("end"), "client \(id)") }
            try await eventually { try await cluster.holdsExactly([1: [], 2: []]) }
        }
    }

    @Test("the last connection's end is the end of all that Redis knows of a client")
    func disconnect() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let other = try await cluster.connect(2)
            let first = try await cluster.connect(1)
            let second = try await cluster.connect(1, to: 0)
            try await cluster.pipeline(
                ["a", "b"].map { cluster.command(Cluster.joinScript, "1", $0) }
                    + [cluster.command(Cluster.joinScript, "2", "b")])
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["1": "2", "2": "1"] }
            try await first.close()
            // With a connection left, the client stays where it is.
            try await eventually { try await cluster.holdsExactly([1: ["a", "b"], 2: ["b"]]) }
            try await cluster.pipeline(cluster.publishEverywhere(Self.message("b", "both")))
            for terminal in [second, other] { #expect(try await terminal.next() == .text("both")) }
            #expect(cluster.events.bodies("evt_im_v2_wsOffline").isEmpty)
            try await second.close()
            try await eventually { try await cluster.holdsExactly([2: ["b"]]) }
            try await eventually { !cluster.events.bodies("evt_im_v2_wsOffline").isEmpty }
            #expect(cluster.events.bodies("evt_im_v2_wsOffline") == [#"{"Item1":1,"Item2":"m1"}"#])
        }
    }

    @Test("FreeIM v1: a second join counts once in the end, a leave holds at once, force-offline ends all")
    func version1() async throws {
        // Both are at home on the second node.
        let ids = ["3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3303"]
        let prefix = "wsim_ws"
        try await Cluster.with(nodes: 2) { cluster in
            var terminals: [Terminal] = []
            for id in ids {
                let token = try await cluster.setToken(#"{"Item1":"\#(id)","Item2":null}"#, prefix: prefix)
                terminals.append(try await Terminal.connect(cluster.nodes[1].gatewayPort, "/ws?token=\(token)"))
            }
            try await eventually { try await cluster.hash("wsim_wsOnline").count == 2 }
            func everywhere(_ channel: String, _ text: String) -> [RedisCommand] {
                let sender = "00000000-0000-0000-0000-000000000000"
                let body =
                    #"__FreeIM__(ChanMessage){"Item1":"\#(sender)","Item2":\#(channel),"Item3":"\#(text)"}"#
                return [0, 1].map { cluster.publication(body, to: $0, prefix: prefix) }
            }
            // The first joins twice.
            for id in [ids[0]] + ids {
                try await cluster.pipeline([
                    RedisCommand("HSET", "wsim_wsChanroom", .string(id), "0"),
                    RedisCommand("HSET", "wsim_wsClient\(id)", "room", "0"),
                    RedisCommand("HINCRBY", "wsim_wsListChan", "room", "1"),
                ])
            }
            try await cluster.pipeline(everywhere(#""room""#, "one"))
            for terminal in terminals { #expect(try await terminal.next() == .text("one")) }
            try await cluster.pipeline(
                [
                    RedisCommand("HDEL", "wsim_wsChanroom", .string(ids[1])),
                    RedisCommand("HDEL", "wsim_wsClient\(ids[1])", "room"),
                    RedisCommand("EVAL", .string(Self.countDown), "1", "wsim_wsListChan", "room"),
                ] + everywhere(#""room""#, "two") + everywhere("null", "all"))
            #expect(try await terminals[0].texts(2) == ["two", "all"])
            #expect(try await terminals[1].next() == .text("all"))
            try await cluster.pipeline(
                ids.map { cluster.publication("__FreeIM__(ForceOffline)\($0)", to: 1, prefix: prefix) })
            for terminal in terminals { #expect(try await terminal.next() == .close(4500, "forced offline")) }
            // The second join's count is gone as well.
            try await eventually { try await cluster.redis.send(RedisCommand("KEYS", "wsim_ws*")).array == [] }
            try await eventually { cluster.events.bodies("evt_wsim_wsOffline").count >= 2 }
            #expect(
                cluster.events.bodies("evt_wsim_wsOffline").sorted()
                    == ids.map { #"{"Item1":"\#($0)","Item2":null}"# })
        }
    }

    private static let countDown =
        "if redis.call('HINCRBY',KEYS[1],ARGV[1],-1)<=0 then redis.call('HDEL',KEYS[1],ARGV[1]) end return 1"
}
