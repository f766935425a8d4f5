import Foundation
import FreeIMTestSupport
import Testing

@Suite("A client has no more connections in the cluster than it may")
struct DeviceTests {
    @Test("of two that connect on two nodes at once one is left, and the other is told that it was replaced")
    func replaced() async throws {
        try await Cluster.with(nodes: 2, presence: ["connections_per_client": "1"]) { cluster in
            for client in 1...20 {
                let (one, two) = (cluster.nodes[0].gatewayPort, cluster.nodes[1].gatewayPort)
                let targets = [try await cluster.target(client), try await cluster.target(client)]
                async let first = Terminal.connect(one, targets[0])
                async let second = Terminal.connect(two, targets[1])
                let terminals = try await [first, second]
                try await eventually { try await cluster.hash("im_v2_wsOnline")["\(client)"] == "1" }
                let body = #"{"Item1":0,"Item2":[\#(client)],"Item3":"one","Item4":false}"#
                try await cluster.pipeline([cluster.publication(body, to: client % 2)])
                var texts = 0
                for terminal in terminals {
                    switch try await terminal.next() {
                    case .text("one"): texts += 1
                    case .close(4501, "replaced by a newer connection"): break
                    case let event: Issue.record("\(event)")
                    }
                }
                #expect(texts == 1)
            }
            let metrics = try await cluster.nodes.answers("/metrics")
            let replaced = metrics.compactMap { text in
                text.firstMatch(of: /freeim_gateway_connections_replaced_total (\d+)/).flatMap { Int($0.output.1) }
            }
            #expect(replaced.reduce(0, +) == 20)
        }
    }

    @Test("the new one is denied where the manifest says so, also on another node, and let in when a place is free")
    func denied() async throws {
        let policy = ["connections_per_client": "1", "beyond_connections": "deny_new"]
        try await Cluster.with(nodes: 2, presence: policy) { cluster in
            let first = try await cluster.connect(7, to: 0)
            let refused = await #expect(throws: Terminal.Refused.self) { try await cluster.connect(7, to: 1) }
            #expect(refused?.status == 403)
            #expect(refused?.body.contains(#""code":"too_many_of_client""#) == true)
            try await first.close()
            try await eventually { (try? await cluster.connect(7, to: 1).close()) != nil }
        }
    }

    @Test("a class of devices has a limit of its own, whoever made the token")
    func classes() async throws {
        try await Cluster.with(nodes: 2, presence: ["classes": "{ phone: 1, desktop: 2 }"]) { cluster in
            let phone = try await cluster.connect(7, to: 0, device: "phone")
            let desktops = [
                try await cluster.connect(7, to: 0, device: "desktop"),
                try await cluster.connect(7, to: 1, device: "desktop"),
            ]
            let unknown = try await cluster.connect(7, to: 0)
            let answer = try await API(port: cluster.nodes[0].apiPort)(
                "POST", "/v1/connect-url", #"{"client":7,"device":"phone"}"#
            ).json()
            let token = try #require(answer["token"] as? String)
            let newPhone = try await Terminal.connect(cluster.nodes[1].gatewayPort, "/ws?token=\(token)")
            #expect(try await phone.next() == .close(4501, "replaced by a newer connection"))
            try await eventually { try await cluster.hash("im_v2_wsOnline") == ["7": "4"] }
            try await cluster.pipeline([
                cluster.publication(#"{"Item1":0,"Item2":[7],"Item3":"all","Item4":false}"#, to: 1)
            ])
            for terminal in desktops + [unknown, newPhone] { #expect(try await terminal.next() == .text("all")) }
        }
    }

    @Test("connections of a node that crashed count until its lease is over")
    func crash() async throws {
        let policy = ["connections_per_client": "1", "beyond_connections": "deny_new"]
        try await Cluster.with(nodes: 2, presence: policy) { cluster in
            _ = try await cluster.connect(7, to: 0)
            cluster.nodes[0].signal(SIGKILL)
            #expect((try? await cluster.connect(7, to: 1)) == nil)
            var terminal: Terminal?
            try await eventually(within: .seconds(30)) {
                terminal = try? await cluster.connect(7, to: 1)
                return terminal != nil
            }
            try await eventually(within: .seconds(30)) { try await cluster.hash("im_v2_wsOnline") == ["7": "1"] }
            try await terminal?.close()
        }
    }
}

extension [Daemon] {
    /// What each one's API answers.
    fileprivate func answers(_ path: String) async throws -> [String] {
        var texts: [String] = []
        for daemon in self { texts.append(try await API(port: daemon.apiPort)("GET", path).text) }
        return texts
    }
}
