import FreeIMTestSupport
import RedisClient
import Testing

@Suite("Messages find clients on other nodes than their home")
struct MisroutedTests {
    @Test("a client elsewhere, and one with connections at home and elsewhere")
    func elsewhere() async throws {
        try await Cluster.with(nodes: 3) { cluster in
            let sender = try await cluster.connect(2)
            let away = try await cluster.connect(4, to: 0)
            let home = try await cluster.connect(7)
            let second = try await cluster.connect(7, to: 2)
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["2": "1", "4": "1", "7": "2"] }
            // 4 and 7 are at home on the second node.
            try await cluster.pipeline([
                cluster.publication(#"{"Item1":2,"Item2":[4,7],"Item3":"1","Item4":true}"#, to: 1)
            ])
            for terminal in [away, home, second] { #expect(try await terminal.next() == .text("1")) }
            let receipt = #"{"content":"1","receipt":"发送成功"}"#
            #expect(try await sender.texts(2) == [receipt, receipt])
            // Published where nobody of them is, or is at home.
            try await cluster.pipeline([
                cluster.publication(#"{"Item1":2,"Item2":[7,8],"Item3":"2","Item4":true}"#, to: 0)
            ])
            for terminal in [home, second] { #expect(try await terminal.next() == .text("2")) }
            #expect(
                try await Set(sender.texts(2)) == [
                    #"{"content":"2","receipt":"发送成功"}"#, #"{"content":"2","receipt":"用户不在线"}"#,
                ])
            try await cluster.pipeline([cluster.publication("__FreeIM__(ForceOffline)7", to: 1)])
            for terminal in [home, second] { #expect(try await terminal.next() == .close(4500, "forced offline")) }
        }
    }

    @Test("a sender with connections on two nodes gets its own message on both")
    func echo() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let one = try await cluster.connect(1, to: 0)
            let two = try await cluster.connect(1, to: 1)
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["1": "2"] }
            try await cluster.pipeline([
                cluster.publication(#"{"Item1":1,"Item2":[1],"Item3":"x","Item4":false}"#, to: 1)
            ])
            for terminal in [one, two] { #expect(try await terminal.next() == .text("x")) }
            try await two.close()
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["1": "1"] }
            try await cluster.pipeline(
                [cluster.publication(#"{"Item1":1,"Item2":[1],"Item3":"own","Item4":false}"#, to: 1)]
                    + cluster.publishEverywhere(#"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"end"}"#))
            #expect(try await one.next() == .text("end"))
        }
    }
}
