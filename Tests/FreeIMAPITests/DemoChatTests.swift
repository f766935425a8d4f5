import FreeIMCore
import NIOCore
import Testing

@testable import FreeIMAPI

@Suite("The demo's chat", .timeLimit(.minutes(1)))
struct DemoChatTests {
    private let ann = Identity(client: 1)

    /// The text that the hook answers with.
    private func answer(
        _ text: String, of sender: Identity? = nil, _ messenger: Messenger
    ) async throws -> String? {
        let message = InboundMessage(sender: sender ?? ann, content: .text(ByteBuffer(string: text)))
        guard case .reply(let text) = try await DemoChat().receive(message, messenger: messenger) else { return nil }
        return text
    }

    @Test("Joining a room is answered with its people")
    func join() async throws {
        try await withAPI { api in
            try await api.connect(1)
            try await api.connect(2)
            let lobby = try #require(ChannelName("lobby"))
            try await api.messenger.join(2, [lobby])
            let text = try #require(try await answer(#"{"do":"join","room":"lobby"}"#, api.messenger))
            #expect(text.contains(#""type":"joined""#) && text.contains(#""total":2"#))
            #expect(text.contains(#"{"client":"1","nick":"1"}"#) && text.contains(#"{"client":"2","nick":"2"}"#))
            #expect(try await api.messenger.channels(of: 1).contains(lobby))
        }
    }

    @Test("A client whose connection has ended does not stay in a room")
    func joinWhenGone() async throws {
        try await withAPI { api in
            let text = try #require(try await answer(#"{"do":"join","room":"lobby"}"#, api.messenger))
            #expect(text.contains(#""type":"error""#))
            #expect(try await api.messenger.channels(of: 1).isEmpty)
        }
    }

    @Test("A client may be in 20 rooms")
    func manyRooms() async throws {
        try await withAPI { api in
            try await api.connect(1)
            for room in 1...20 {
                let text = try #require(try await answer(#"{"do":"join","room":"r\#(room)"}"#, api.messenger))
                #expect(text.contains(#""type":"joined""#))
            }
            let refusal = try #require(try await answer(#"{"do":"join","room":"r21"}"#, api.messenger))
            #expect(refusal.contains("leave one first"))
            let again = try #require(try await answer(#"{"do":"join","room":"r20"}"#, api.messenger))
            #expect(again.contains(#""type":"joined""#))
        }
    }

    @Test("Only members speak in a room")
    func say() async throws {
        try await withAPI { api in
            try await api.connect(1)
            let text = #"{"do":"say","room":"lobby","text":"hi","id":"m1"}"#
            let refusal = try #require(try await answer(text, api.messenger))
            #expect(refusal.contains(#""id":"m1""#) && refusal.contains("join it first"))
            try await api.messenger.join(1, [try #require(ChannelName("lobby"))])
            #expect(try await answer(text, api.messenger) == #"{"id":"m1","type":"sent"}"#)
            let payload =
                #"{"from":{"client":"1","nick":"1"},"id":"m1","room":"lobby","text":"hi","type":"say"}"#
            #expect(try await nextMessage(on: api.bus) == payload)
        }
    }

    /// The next message for clients, after whatever tells the node of memberships.
    private func nextMessage(on bus: BusTap) async throws -> String? {
        while let envelope = await bus.next() {
            switch envelope {
            case .channel(_, _, let payload), .broadcast(_, let payload): return String(buffer: payload)
            case .direct(let message): return String(buffer: message.payload)
            case .membership, .forceOffline, .location, .close, .forwarded: continue
            }
        }
        return nil
    }

    @Test("A direct message wants a receipt, and reaches the sender's other connections")
    func direct() async throws {
        try await withAPI { api in
            let text = #"{"do":"direct","to":"2","text":"hi","id":"m1"}"#
            let sent = try await answer(text, api.messenger)
            #expect(sent == #"{"id":"m1","type":"sent"}"#)
            guard case .direct(let message) = await api.bus.next() else {
                Issue.record("no direct message")
                return
            }
            #expect(message.sender == 1)
            #expect(message.receivers == [2, 1])
            #expect(message.wantsReceipt)
            #expect(String(buffer: message.payload).contains(#""to":{"client":"2","nick":"2"}"#))
        }
    }

    @Test("Nobody writes to themselves")
    func directToSelf() async throws {
        try await withAPI { api in
            let refusal = try #require(
                try await answer(#"{"do":"direct","to":"1","text":"hi","id":"m1"}"#, api.messenger))
            #expect(refusal.contains(#""type":"error""#))
        }
    }

    @Test("Rooms are listed with those first in which most people are; the news channel is no room")
    func rooms() async throws {
        try await withAPI { api in
            for client in 1...3 { try await api.connect(ClientID(Int64(client))) }
            _ = try await answer(#"{"do":"join","room":"b"}"#, api.messenger)
            _ = try await answer(#"{"do":"join","room":"a"}"#, api.messenger)
            _ = try await answer(#"{"do":"join","room":"c"}"#, api.messenger)
            _ = try await answer(#"{"do":"join","room":"c"}"#, of: Identity(client: 2), api.messenger)
            #expect(
                try await answer(#"{"do":"rooms"}"#, api.messenger)
                    == #"{"online":3,"rooms":[{"people":2,"room":"c"},{"people":1,"room":"a"},"#
                    + #"{"people":1,"room":"b"}],"type":"rooms"}"#)
        }
    }

    @Test("A missing feature is told to the page")
    func missingFeature() async throws {
        try await withAPI(features: []) { api in
            let refusal = try #require(
                try await answer(#"{"do":"direct","to":"2","text":"hi","id":"m1"}"#, api.messenger))
            #expect(refusal.contains("feature.direct") && refusal.contains(#""id":"m1""#))
        }
    }
}
