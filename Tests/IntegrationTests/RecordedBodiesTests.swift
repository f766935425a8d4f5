import FreeIMTestSupport
import RedisClient
import Testing

/// Bodies and commands as FreeIM's .NET ImHelper was recorded to send them.
@Suite("Sockets receive exactly the text that ImHelper published")
struct RecordedBodiesTests {
    private static let messages: [(body: String, text: String)] = [
        (#"{"Item1":0,"Item2":[1],"Item3":"\"\"","Item4":false}"#, #""""#),
        (#"{"Item1":0,"Item2":[1],"Item3":"null","Item4":false}"#, "null"),
        (#"{"Item1":0,"Item2":[1],"Item3":"{\"t\":\"广播 😀\"}","Item4":false}"#, #"{"t":"广播 😀"}"#),
        (#"{"Item1":0,"Item2":[1],"Item3":"\"a\\nb\\\\c/d\"","Item4":false}"#, #""a\nb\\c/d""#),
        (#"{"Item1":0,"Item2":[1],"Item3":"\"\u5e7f \ud83d\ude00\"","Item4":false}"#, #""广 😀""#),
        (#"__FreeIM__(ChanMessage){"Item1":2,"Item2":"群 聊 😀","Item3":"\"hello\""}"#, #""hello""#),
        (#"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"{\"t\":\"广播 😀\"}"}"#, #"{"t":"广播 😀"}"#),
    ]

    @Test("messages to a client, a channel and everyone, one after the other")
    func texts() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let terminal = try await cluster.connect(1)
            try await cluster.pipeline([cluster.command(Cluster.joinScript, "1", "群 聊 😀")])
            try await eventually { try await cluster.holdsExactly([1: ["群 聊 😀"]]) }
            try await cluster.pipeline(Self.messages.map { cluster.publication($0.body, to: 1) })
            for message in Self.messages {
                #expect(try await terminal.next() == .text(message.text), "\(message.body)")
            }
        }
    }

    @Test("a token's value is the events' body, however it is written")
    func events() async throws {
        let values = [
            #"{"Item1":5,"Item2":"1.2.3.4"}"#, #"{"item1":5,"item2":"a / \u5e7f 广"}"#,
            "{\r\n  \"Item1\": 5,\r\n  \"Item2\": \"x\"\r\n}", #" {"Item2" : null , "Item1" : "5"} "#,
        ]
        try await Cluster.with(nodes: 2) { cluster in
            for value in values {
                cluster.events.clear()
                let token = try await cluster.setToken(value)
                let terminal = try await Terminal.connect(cluster.nodes[0].gatewayPort, "/ws?token=\(token)")
                try await eventually { cluster.events.bodies("evt_im_v2_wsOnline") == [value] }
                #expect(try await cluster.hash("im_v2_wsOnline") == ["5": "1"])
                // It is used up, on every node.
                for node in cluster.nodes {
                    await #expect(throws: Terminal.Refused.self) {
                        _ = try await Terminal.connect(node.gatewayPort, "/ws?token=\(token)")
                    }
                }
                try await terminal.close()
                try await eventually { cluster.events.bodies("evt_im_v2_wsOffline") == [value] }
            }
        }
    }
}
