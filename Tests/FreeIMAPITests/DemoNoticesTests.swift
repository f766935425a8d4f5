import FreeIMCore
import FreeIMTestSupport
import NIOCore
import Testing

@testable import FreeIMAPI

@Suite("The demo's notices", .timeLimit(.minutes(1)))
struct DemoNoticesTests {
    private func withDemo(
        features: [any Feature] = [DirectMessages(), Channels(), EventBus()],
        _ body: (RunningAPI) async throws -> Void
    ) async throws {
        try await withAPI({ $0.demo = true }, features: features) { api in
            // A node that does not listen yet announces no joins.
            try await eventually { try await api.get("/health/ready").status == 200 }
            try await body(api)
        }
    }

    /// Publishes what the node tells of a client's first or last connection.
    private func publish(_ client: ClientID, isOnline: Bool, _ messenger: Messenger) async throws {
        let subjects = messenger.identity.subjects
        let body = PresenceEventBody.encode(Identity(client: client))
        let subject = isOnline ? subjects.online : subjects.offline
        try await messenger.transport.publish([BusMessage(subject: subject, body: body)]).get()
    }

    /// Puts a client on the page, and waits for the first news; from then on all events are heard.
    private func openFirst(_ client: ClientID, _ api: RunningAPI) async throws {
        try await open(client, api)
        _ = await news(until: #""type":"news""#, on: api.bus)
    }

    /// What the page's client does when it is connected.
    private func open(_ client: ClientID, _ api: RunningAPI) async throws {
        try await api.connect(client)
        let message = InboundMessage(
            sender: Identity(client: client), content: .text(ByteBuffer(string: #"{"do":"join","room":"lobby"}"#)))
        _ = try await DemoChat().receive(message, messenger: api.messenger)
    }

    /// The news up to the one with `text`, as one text.
    private func news(until text: String, on bus: BusTap) async -> String {
        var all = ""
        while !all.contains(text), let envelope = await bus.next() {
            guard case .channel(nil, DemoRooms.news, let payload) = envelope else { continue }
            all += String(buffer: payload) + "\n"
        }
        return all
    }

    @Test("Those on the page are told who joined, and how many are in the rooms")
    func joined() async throws {
        try await withDemo { api in
            try await openFirst(1, api)
            try await open(2, api)
            let news = await news(until: #"{"client":"2","nick":"2","room":"lobby","what":"joined"}"#, on: api.bus)
            #expect(news.contains(#""rooms":[{"people":2,"room":"lobby"}]"#))
            #expect(!news.contains("demo news"))
        }
    }

    @Test("Those on the page are told who came online and who went offline, in order")
    func onlineAndOffline() async throws {
        try await withDemo { api in
            try await openFirst(1, api)
            try await publish(2, isOnline: true, api.messenger)
            try await publish(2, isOnline: false, api.messenger)
            let news = await news(until: #""what":"offline""#, on: api.bus)
            let online = try #require(news.firstRange(of: #"{"client":"2","nick":"2","what":"online"}"#))
            let offline = try #require(news.firstRange(of: #"{"client":"2","nick":"2","what":"offline"}"#))
            #expect(online.lowerBound < offline.lowerBound)
        }
    }

    @Test("A client that came back at once did not go offline")
    func reload() async throws {
        try await withDemo { api in
            try await openFirst(1, api)
            try await api.connect(2)
            try await publish(2, isOnline: false, api.messenger)
            try await publish(3, isOnline: false, api.messenger)
            let news = await news(until: #"{"client":"3","nick":"3","what":"offline"}"#, on: api.bus)
            #expect(!news.contains(#""client":"2""#))
        }
    }

    @Test("Many events within the interval become one message, that says that it is not all")
    func coalesced() async throws {
        try await withDemo { api in
            try await openFirst(1, api)
            for client in 100..<400 { try await publish(ClientID(Int64(client)), isOnline: true, api.messenger) }
            let news = await news(until: #""isPartial":true"#, on: api.bus)
            #expect(news.split(separator: "\n").count <= 2)
            #expect(news.split(separator: #""what":"online""#).count <= 202)
        }
    }

    @Test("Clients that are not on the page get nothing of it")
    func nobodyThere() async throws {
        try await withDemo { api in
            try await api.connect(1)
            let lobby = try #require(ChannelName("lobby"))
            try await api.messenger.join(1, [lobby])
            try await publish(2, isOnline: true, api.messenger)
            // Somebody on the page, so that there is news at all.
            try await open(3, api)
            while let envelope = await api.bus.next() {
                if case .membership = envelope { continue }
                guard case .channel(_, let channel, _) = envelope else {
                    Issue.record("\(envelope)")
                    break
                }
                #expect(channel == DemoRooms.news)
                break
            }
        }
    }

    @Test("Without the event bus the page is served all the same")
    func withoutEvents() async throws {
        try await withDemo(features: [DirectMessages(), Channels()]) { api in
            let page = try await api.get("/")
            #expect(page.status == 200)
        }
    }
}
