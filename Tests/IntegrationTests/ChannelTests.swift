import Foundation
import FreeIMTestSupport
import Testing

@Suite struct ChannelTests {
    @Test("A client leaves its channels when its last connection ends, not before")
    func lastConnection() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let phone = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        let laptop = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await eventually { try await api("GET", "/v1/clients/1").json()["connections"] as? Int == 2 }
        try await api("PUT", "/v1/clients/1/channels", #"{"channels":["群 聊","b"]}"#)
        try await phone.close()
        try await eventually { try await api("GET", "/v1/clients/1").json()["connections"] as? Int == 1 }
        #expect(try await api("GET", "/v1/clients/1/channels").json()["channels"] as? [String] == ["b", "群 聊"])
        try await api("POST", "/v1/channels/%E7%BE%A4%20%E8%81%8A/messages", #"{"message":"still here"}"#)
        #expect(try await laptop.next() == .text(#""still here""#))
        try await laptop.close()
        try await eventually { try await api("GET", "/v1/channels/b").json()["members"] as? Int == 0 }
        #expect((try await api("GET", "/v1/channels").json()["channels"] as? [Any])?.isEmpty == true)
    }

    @Test("A client that joined before it connected gets the channel's messages once it is online")
    func joinedBefore() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        try await api("PUT", "/v1/clients/bob/channels", #"{"channels":["news"]}"#)
        let bob = try await Terminal.connect(daemon.gatewayPort, "/ws?client=bob")
        try await api.online("bob")
        try await api("POST", "/v1/channels/news/messages", #"{"message":1}"#)
        #expect(try await bob.next() == .text("1"))
    }

    @Test("Joins and leaves take effect in order with the messages around them")
    func inOrder() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await api.online("1")
        for round in 0..<50 {
            try await api("POST", "/v1/channels/room/messages", "{\"message\":\"before \(round)\"}")
            try await api("PUT", "/v1/clients/1/channels", #"{"channels":["room"]}"#)
            try await api("POST", "/v1/channels/room/messages", "{\"message\":\(round)}")
            try await api("DELETE", "/v1/clients/1/channels", #"{"channels":["room"]}"#)
        }
        #expect(try await terminal.texts(50) == (0..<50).map(String.init))
    }

    @Test("A broadcast reaches every connection, in a channel or not")
    func broadcast() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        var terminals: [Terminal] = []
        for client in 1...20 {
            terminals.append(try await Terminal.connect(daemon.gatewayPort, "/ws?client=\(client)"))
        }
        try await eventually { try await api("GET", "/v1/clients").json()["count"] as? Int == 20 }
        try await api("POST", "/v1/broadcast", #"{"message":{"all":true}}"#)
        for terminal in terminals { #expect(try await terminal.next() == .text(#"{"all":true}"#)) }
    }
}
