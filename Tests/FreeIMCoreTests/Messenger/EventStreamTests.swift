import FreeIMMemory
import FreeIMTestSupport
import NIOCore
import NIOPosix
import Testing

@testable import FreeIMCore

@Suite("Event stream")
struct EventStreamTests {
    private static let group = MultiThreadedEventLoopGroup.singleton
    private let transport = MemoryTransport(eventLoopGroup: group)

    private var messenger: Messenger {
        Messenger(
            identity: NodeIdentity(name: "a"), transport: transport, presence: NoPresence(), issuer: nil,
            eventLoopGroup: Self.group)
    }

    private var subjects: Subjects { Subjects(path: "/ws") }

    private func online(_ client: ClientID, _ metadata: String? = nil) -> BusMessage {
        BusMessage(
            subject: subjects.online, body: PresenceEventBody.encode(Identity(client: client, metadata: metadata)))
    }

    @Test("all four kinds of events become values, in order")
    func kinds() async throws {
        var events = try await messenger.events().makeAsyncIterator()
        try await transport.publish([
            online(7, "phone"),
            BusMessage(subject: subjects.joined, body: PresenceEventBody.encode(7, [.named("x")])),
            BusMessage(subject: subjects.left, body: PresenceEventBody.encode(7, [.named("x"), .named("y")])),
            BusMessage(subject: subjects.offline, body: PresenceEventBody.encode(Identity(client: 7))),
        ]).get()
        #expect(await events.next() == .online(Identity(client: 7, metadata: "phone")))
        #expect(await events.next() == .joined(7, [.named("x")]))
        #expect(await events.next() == .left(7, [.named("x"), .named("y")]))
        #expect(await events.next() == .offline(Identity(client: 7)))
    }

    @Test("what is no event is passed over")
    func foreign() async throws {
        var events = try await messenger.events().makeAsyncIterator()
        try await transport.publish(
            ["", "rubbish", "{}", "null"].map {
                BusMessage(subject: subjects.online, body: ByteBuffer(string: $0))
            } + [online(7)]
        ).get()
        #expect(await events.next() == .online(Identity(client: 7)))
    }

    @Test("what a slow subscriber misses is counted, and told before the next event that finds room")
    func missed() async throws {
        var events = try await messenger.events(limit: 3).makeAsyncIterator()
        try await transport.publish((1...10).map { online(ClientID($0)) }).get()
        // Delivered before the first event is taken out.
        try await settle()
        for client in 1...3 as ClosedRange<Int64> {
            #expect(await events.next() == .online(Identity(client: ClientID(client))))
        }
        try await transport.publish([online(11), online(12)]).get()
        #expect(await events.next() == .missed(7))
        #expect(await events.next() == .online(Identity(client: 11)))
        #expect(await events.next() == .online(Identity(client: 12)))
    }

    @Test("a subscriber with room for one event goes on after it has missed some")
    func roomForOne() async throws {
        var events = try await messenger.events(limit: 1).makeAsyncIterator()
        try await transport.publish((1...5).map { online(ClientID($0)) }).get()
        try await settle()
        for client in 1...2 as ClosedRange<Int64> {
            #expect(await events.next() == .online(Identity(client: ClientID(client))))
        }
        var seen: [PresenceEvent] = []
        for client in 6...9 as ClosedRange<Int64> {
            try await transport.publish([online(ClientID(client))]).get()
            try await settle()
            if let event = await events.next() { seen.append(event) }
        }
        let isOnline = seen.contains { if case .online = $0 { true } else { false } }
        #expect(isOnline)
    }

    @Test("the subscription ends with the sequence")
    func ends() async throws {
        do {
            var events = try await messenger.events().makeAsyncIterator()
            try await transport.publish([online(1)]).get()
            #expect(await events.next() != nil)
        }
        let task = Task {
            var count = 0
            for await _ in try await messenger.events() { count += 1 }
            return count
        }
        task.cancel()
        #expect(try await task.value == 0)
    }

    @Test("a subscription that the transport refuses is an error")
    func refused() async throws {
        let transport = RecordingTransport()
        transport.fail(with: TransportError(.unavailable, "away"))
        let messenger = Messenger(
            identity: NodeIdentity(name: "a"), transport: transport, presence: NoPresence(), issuer: nil,
            eventLoopGroup: Self.group)
        let error = await #expect(throws: MessengerError.self) { try await messenger.events() }
        #expect(error?.code == .unavailable)
    }

    /// Until what was published has been delivered, on whichever loop.
    private func settle() async throws {
        for _ in 0..<3 {
            for loop in Self.group.makeIterator() { try await loop.submit {}.get() }
        }
    }
}
