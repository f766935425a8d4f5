import Foundation
import FreeIMTestSupport
import RedisClient
import Testing

@Suite("Limits of channels and messages hold in a cluster", .serialized)
struct ChannelLimitTests {
    @Test("of many joins at once, over both nodes' APIs, exactly as many succeed as the limits let")
    func race() async throws {
        let limits = ["channels_per_client": "10", "members_per_channel": "25"]
        try await Cluster.with(nodes: 2, presence: limits) { cluster in
            let apis = cluster.nodes.map { API(port: $0.apiPort) }
            let answers = try await withThrowingTaskGroup(of: (Int, String).self) { group in
                for number in 1...60 {
                    group.addTask {
                        let answer = try await apis[number % 2](
                            "PUT", "/v1/clients/\(number)/channels", #"{"channels":["full"]}"#)
                        return (answer.status, answer.text)
                    }
                    group.addTask {
                        let answer = try await apis[number % 2](
                            "PUT", "/v1/clients/1000/channels", #"{"channels":["of one \#(number)"]}"#)
                        return (answer.status, answer.text)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.0 == 200 } == 35)
            #expect(answers.count { $0.0 == 409 && $0.1.contains(#""code":"channel_full""#) } == 35)
            #expect(answers.count { $0.0 == 409 && $0.1.contains(#""code":"too_many_channels""#) } == 50)
            #expect(try await cluster.hash("im_v2_wsChanfull").count == 25)
            #expect(try await cluster.hash("im_v2_wsClient1000").count == 10)
            #expect(try await cluster.hash("im_v2_wsListChan")["full"] == "25")
            #expect(try await cluster.hash("im_v2_wsListChan").count == 11)
            #expect(
                try await cluster.total(#/freeim_presence_joins_refused_total\{limit="channels_per_client"\} (\d+)/#)
                    == 50)
            #expect(
                try await cluster.total(#/freeim_presence_joins_refused_total\{limit="members_per_channel"\} (\d+)/#)
                    == 35)
        }
    }

    @Test("who was refused gets nothing of the channel, also when it connects; who is in it, on whichever node, does")
    func refused() async throws {
        try await Cluster.with(nodes: 2, presence: ["members_per_channel": "2"]) { cluster in
            let terminals = [try await cluster.connect(1), try await cluster.connect(2), try await cluster.connect(3)]
            let api = API(port: cluster.nodes[0].apiPort)
            for (client, status) in [(1, 200), (2, 200), (3, 409), (4, 409), (1, 200)] {
                let answer = try await api("PUT", "/v1/clients/\(client)/channels", #"{"channels":["x"]}"#)
                #expect(answer.status == status)
            }
            let late = try await cluster.connect(4)
            _ = try await api("POST", "/v1/channels/x/messages", #"{"text":"members"}"#)
            _ = try await api("POST", "/v1/broadcast", #"{"text":"all"}"#)
            for (number, terminal) in (terminals + [late]).enumerated() {
                if number < 2 { #expect(try await terminal.next() == .text("members")) }
                #expect(try await terminal.next() == .text("all"))
            }
        }
    }

    @Test("what ImHelper sends beyond the limit is dropped, counted and logged once; its neighbours arrive")
    func oversized() async throws {
        try await Cluster.with(nodes: 2) { cluster in
            let terminals = [try await cluster.connect(1), try await cluster.connect(2)]
            let large = String(repeating: "x", count: 3 << 20)
            func message(_ text: String) -> [RedisCommand] {
                cluster.publishEverywhere(#"__FreeIM__(ChanMessage){"Item1":0,"Item2":null,"Item3":"\#(text)"}"#)
            }
            try await cluster.pipeline(message("before"))
            for _ in 0..<3 { try await cluster.pipeline(message(large)) }
            try await cluster.pipeline(message("after"))
            for terminal in terminals {
                #expect(try await terminal.next() == .text("before"))
                #expect(try await terminal.next() == .text("after"))
            }
            #expect(try await cluster.total(#/freeim_node_messages_oversized_total (\d+)/#) == 6)
            #expect(try await cluster.total(#/freeim_redis_outages_total (\d+)/#) == 0)
            for node in cluster.nodes { #expect(node.logText.matches(of: /message from the bus dropped/).count == 1) }
        }
    }
}

extension Cluster {
    /// The sum of a counter over all nodes.
    fileprivate func total(_ counter: Regex<(Substring, Substring)>) async throws -> Int {
        var total = 0
        for node in nodes {
            let text = try await API(port: node.apiPort)("GET", "/metrics").text
            total += text.firstMatch(of: counter).flatMap { Int($0.output.1) } ?? 0
        }
        return total
    }
}
