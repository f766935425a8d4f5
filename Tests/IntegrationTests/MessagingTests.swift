import Foundation
import FreeIMTestSupport
import Testing

@Suite struct MessagingTests {
    @Test("A message reaches all of a client's connections as exactly its JSON text")
    func severalDevices() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let phone = try await Terminal.connect(daemon.gatewayPort, "/ws?client=7")
        let laptop = try await Terminal.connect(daemon.gatewayPort, "/ws?client=7")
        let other = try await Terminal.connect(daemon.gatewayPort, "/ws?client=alice")
        try await eventually { try await api("GET", "/v1/clients/7").json()["connections"] as? Int == 2 }
        try await api.online("alice")
        #expect(
            try await api("POST", "/v1/messages", #"{"to":[7,"alice"],"message":{"b":1.0, "a":[1e3,"é/\u00e9"]}}"#)
                .status == 200)
        for terminal in [phone, laptop, other] {
            #expect(try await terminal.next() == .text(#"{"b":1.0, "a":[1e3,"é/\u00e9"]}"#))
        }
        try await api("POST", "/v1/messages", #"{"to":[7],"text":"plain \"text\""}"#)
        #expect(try await phone.next() == .text(#"plain "text""#))
    }

    @Test("A sender is told per receiver whether its message was delivered")
    func receipts() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let sender = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        let receiver = try await Terminal.connect(daemon.gatewayPort, "/ws?client=2")
        try await api.online("1", "2")
        try await api("POST", "/v1/messages", #"{"from":1,"to":[2,3],"message":"hi","receipt":true}"#)
        #expect(try await receiver.next() == .text(#""hi""#))
        let receipts = try await sender.texts(2)
        #expect(
            Set(receipts) == [
                #"{"content":"\"hi\"","receipt":"发送成功"}"#, #"{"content":"\"hi\"","receipt":"用户不在线"}"#,
            ])
    }

    @Test("A sender with one connection does not get its own message; with two, both get it")
    func echoRule() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let first = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await api.online("1")
        try await api("PUT", "/v1/clients/1/channels", #"{"channels":["room"]}"#)
        try await api("POST", "/v1/messages", #"{"from":1,"to":[1],"message":1}"#)
        try await api("POST", "/v1/channels/room/messages", #"{"from":1,"message":2}"#)
        try await api("POST", "/v1/broadcast", #"{"message":3}"#)
        #expect(try await first.next() == .text("3"))
        let second = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await eventually { try await api("GET", "/v1/clients/1").json()["connections"] as? Int == 2 }
        try await api("POST", "/v1/messages", #"{"from":1,"to":[1],"message":4}"#)
        try await api("POST", "/v1/channels/room/messages", #"{"from":1,"message":5}"#)
        for terminal in [first, second] {
            #expect(try await terminal.texts(2) == ["4", "5"])
        }
    }

    @Test("The metrics tell what the node has done")
    func metrics() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await api.online("1")
        try await api("POST", "/v1/messages", #"{"to":[1,2],"message":1}"#)
        #expect(try await terminal.next() == .text("1"))
        let text = try await api("GET", "/metrics").text
        for line in [
            "freeim_gateway_connections_opened_total 1", "freeim_node_messages_delivered_total 1",
            "freeim_node_receivers_offline_total 1", "freeim_gateway_sockets 1.0", "freeim_node_clients 1.0",
        ] {
            #expect(text.contains("\(line)\n"), "\(line) in \(text)")
        }
    }

    @Test("Forcing a client offline closes all its connections with 4500, and it may connect again")
    func forceOffline() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let first = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        let second = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await eventually { try await api("GET", "/v1/clients/1").json()["connections"] as? Int == 2 }
        try await api("DELETE", "/v1/clients/1")
        for terminal in [first, second] {
            #expect(try await terminal.next() == .close(4500, "forced offline"))
            #expect(try await terminal.next() == .end)
        }
        try await eventually { try await api("GET", "/v1/clients/1").json()["online"] as? Bool == false }
        let again = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await api.online("1")
        try await again.close()
    }

    @Test("1,000 messages to a channel reach 40 members on both event loops in order")
    func order() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        var terminals: [Terminal] = []
        for client in 1...40 {
            terminals.append(try await Terminal.connect(daemon.gatewayPort, "/ws?client=\(client)"))
            try await api("PUT", "/v1/clients/\(client)/channels", #"{"channels":["room"]}"#)
        }
        try await api.online("40")
        let expected = (0..<1_000).map(String.init)
        for number in expected { try await api("POST", "/v1/channels/room/messages", "{\"message\":\(number)}") }
        for terminal in terminals {
            #expect(try await terminal.texts(1_000) == expected)
        }
    }
}

extension API {
    /// Waits until the clients are online.
    func online(_ clients: String...) async throws {
        for client in clients {
            try await eventually { try await self("GET", "/v1/clients/\(client)").json()["online"] as? Bool == true }
        }
    }
}
