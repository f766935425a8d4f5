import FreeIMTestSupport
import RedisClient
import Testing

@Suite("A client on two nodes is one client: one receipt, one event, every message once")
struct TwoNodesTests {
    @Test("one receipt for each message, wherever it is published")
    func receipts() async throws {
        try await Cluster.with(nodes: 3) { cluster in
            let sender = try await cluster.connect(2)
            // At home on the second node; one of its connections is there.
            let devices = [try await cluster.connect(7), try await cluster.connect(7, to: 0)]
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["2": "1", "7": "2"] }
            let texts = (0..<30).map { "\($0)" }
            for text in texts {
                // 10 is nobody, and at home where 7 is.
                let body = #"{"Item1":2,"Item2":[7,10],"Item3":"\#(text)","Item4":true}"#
                try await cluster.pipeline([cluster.publication(body, to: (Int(text) ?? 0) % 3)])
            }
            for device in devices { #expect(Set(try await device.texts(texts.count)) == Set(texts)) }
            let receipts = try await sender.texts(2 * texts.count)
            try await cluster.pipeline(
                cluster.publishEverywhere(#"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"end"}"#))
            // Nothing came twice.
            for terminal in devices + [sender] { #expect(try await terminal.next() == .text("end")) }
            let expected = texts.flatMap { text in
                ["发送成功", "用户不在线"].map { #"{"content":"\#(text)","receipt":"\#($0)"}"# }
            }
            #expect(receipts.sorted() == expected.sorted())
        }
    }

    @Test("force-offline, published at another node than either, ends both connections and is told once")
    func forceOffline() async throws {
        try await Cluster.with(nodes: 3) { cluster in
            let devices = [try await cluster.connect(7, to: 0), try await cluster.connect(7, to: 2)]
            try await cluster.pipeline([cluster.command(Cluster.joinScript, "7", "room")])
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["7": "2"] }
            try await cluster.pipeline([cluster.publication("__FreeIM__(ForceOffline)7", to: 1)])
            for device in devices { #expect(try await device.next() == .close(4500, "forced offline")) }
            try await eventually { try await cluster.holdsExactly([:]) }
            // Its events are in order with those of a client that comes and goes behind it.
            let last = try await cluster.connect(8)
            try await eventually { cluster.events.bodies("evt_im_v2_wsOnline").count >= 2 }
            try await last.close()
            let bodies = [#"{"Item1":7,"Item2":"m7"}"#, #"{"Item1":8,"Item2":"m8"}"#]
            try await eventually { cluster.events.bodies("evt_im_v2_wsOffline").last == bodies[1] }
            for event in ["Online", "Offline"] {
                #expect(cluster.events.bodies("evt_im_v2_ws\(event)") == bodies)
            }
        }
    }
}
