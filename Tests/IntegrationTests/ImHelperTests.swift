import FreeIMTestSupport
import RedisClient
import Testing

@Suite("FreeIM's ImHelper works against a cluster of nodes")
struct ImHelperTests {
    @Test("a token lets in once, on any node; the events are its value, byte for byte")
    func connecting() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            for (index, value) in [
                #"{"Item1":5,"Item2":"1.2.3.4"}"#, "{\n  \"item1\": 5,\n  \"item2\": null\n}",
            ].enumerated() {
                let token = try await cluster.setToken(value)
                let node = cluster.nodes[index]
                let terminal = try await Terminal.connect(node.gatewayPort, "/ws?token=\(token)")
                try await eventually { try await cluster.hash("im_v2_wsOnline") == ["5": "1"] }
                await #expect(throws: Terminal.Refused.self) {
                    _ = try await Terminal.connect(node.gatewayPort, "/ws?token=\(token)")
                }
                try await terminal.close()
                try await eventually { cluster.events.bodies("evt_im_v2_wsOffline").count == index + 1 }
                #expect(cluster.events.bodies("evt_im_v2_wsOnline").last == value)
                #expect(cluster.events.bodies("evt_im_v2_wsOffline").last == value)
                #expect(try await cluster.hash("im_v2_wsOnline").isEmpty)
            }
        }
    }

    @Test("messages, channels and force-offline, by raw commands")
    func messages() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let one = try await cluster.connect(1)
            let two = try await cluster.connect(2)
            #expect(try await cluster.hash("im_v2_wsOnline") == ["1": "1", "2": "1"])
            try await cluster.pipeline([
                cluster.publication(#"{"Item1":1,"Item2":[2],"Item3":"\"hi\"","Item4":true}"#, to: 0),
                cluster.publication(#"{"Item1":2,"Item2":[3],"Item3":"1","Item4":true}"#, to: 1),
            ])
            #expect(try await two.next() == .text(#""hi""#))
            #expect(try await one.next() == .text(#"{"content":"\"hi\"","receipt":"发送成功"}"#))
            #expect(try await two.next() == .text(#"{"content":"1","receipt":"用户不在线"}"#))
            let inRoom = #"__FreeIM__(ChanMessage){"Item1":0,"Item2":"room","Item3":"in room"}"#
            let toAll = #"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"to all"}"#
            try await cluster.pipeline(
                [1, 2].map { cluster.command(Cluster.joinScript, "\($0)", "room") }
                    + cluster.publishEverywhere(inRoom))
            for terminal in [one, two] { #expect(try await terminal.texts(1) == ["in room"]) }
            try await cluster.pipeline(
                [cluster.command(Cluster.leaveScript, "2", "room")]
                    + cluster.publishEverywhere(inRoom) + cluster.publishEverywhere(toAll))
            #expect(try await one.texts(2) == ["in room", "to all"])
            #expect(try await two.texts(1) == ["to all"])
            try await cluster.pipeline([cluster.publication("__FreeIM__(ForceOffline)1", to: 1)])
            #expect(try await one.next() == .close(4500, "forced offline"))
            try await eventually { try await cluster.holdsExactly([2: []]) }
        }
    }

    @Test("a client that has its 101 is online, and hears the channels that it is put in from then on")
    func atOnce() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            for id in 1...40 {
                let terminal = try await cluster.connect(id, to: id / 2 % 2)
                try await cluster.pipeline(
                    [
                        RedisCommand("HGET", "im_v2_wsOnline", "\(id)"),
                        cluster.command(Cluster.joinScript, "\(id)", "c"),
                    ]
                        + cluster.publishEverywhere(#"__FreeIM__(ChanMessage){"Item1":0,"Item2":"c","Item3":"\#(id)"}"#)
                )
                #expect(try await terminal.texts(1) == ["\(id)"])
                #expect(try await cluster.hash("im_v2_wsOnline")["\(id)"] == "1")
            }
        }
    }

    @Test("FreeIM v1: GUIDs, its prefix, its joins, its bodies")
    func version1() async throws {
        let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
        try await Cluster.with(nodes: 2) { cluster in
            // Its last four digits are 0x3301, so its home is the second node.
            let value = #"{"Item1":"\#(id)","Item2":"v1"}"#
            let token = try await cluster.setToken(value, prefix: "wsim_ws")
            let terminal = try await Terminal.connect(cluster.nodes[1].gatewayPort, "/ws?token=\(token)")
            try await eventually { try await cluster.hash("wsim_wsOnline") == [id: "1"] }
            try await eventually { cluster.events.bodies("evt_wsim_wsOnline") == [value] }
            try await cluster.pipeline([
                RedisCommand("HSET", "wsim_wsChanroom", .string(id), "0"),
                RedisCommand("HSET", "wsim_wsClient\(id)", "room", "0"),
                RedisCommand("HINCRBY", "wsim_wsListChan", "room", "1"),
                cluster.publication(
                    #"__FreeIM__(ChanMessage){"Item1":"00000000-0000-0000-0000-000000000000","Item2":"room","Item3":"a"}"#,
                    to: 1, prefix: "wsim_ws"),
                cluster.publication("0\r\n", to: 1, prefix: "wsim_ws"),
                cluster.publication(
                    #"637|{"Item1":"00000000-0000-0000-0000-000000000000","Item2":["\#(id)"],"Item3":"b","Item4":false}"#,
                    to: 1, prefix: "wsim_ws"),
            ])
            #expect(try await terminal.texts(2) == ["a", "b"])
            try await terminal.close()
            try await eventually { try await cluster.redis.send(RedisCommand("KEYS", "wsim_ws*")).array == [] }
            try await eventually { cluster.events.bodies("evt_wsim_wsOffline") == [value] }
        }
    }
}
