public import FreeIMCore
import NIOCore
import NIOPosix
import ServiceLifecycle
import Testing

/// What every ``Transport`` has to keep. Each function is one test; `make` gives a transport that nobody else uses.
public enum TransportContract {
    public typealias Make = @Sendable () async throws -> any Transport

    /// Messages of one publisher to one subject arrive in the order of the calls, whether it waits for the futures.
    public static func keepsThePublishersOrder(awaiting: Bool, _ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a")
            let texts = (0..<500).map(String.init)
            for text in texts {
                let taken = transport.publish([message("a", text)])
                if awaiting { try await taken.get() }
            }
            try await inbox.wait(for: texts.count)
            #expect(inbox.texts == texts)
        }
    }

    /// The messages of one call arrive in the order of the array.
    public static func keepsTheOrderWithinACall(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a")
            let texts = (0..<300).map(String.init)
            try await transport.publish(texts.map { message("a", $0) }).get()
            try await inbox.wait(for: texts.count)
            #expect(inbox.texts == texts)
        }
    }

    /// Each of several publishers at once finds its own order kept.
    public static func keepsTheOrderOfSeveralPublishers(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a")
            await withTaskGroup(of: Void.self) { group in
                for publisher in 0..<4 {
                    group.addTask {
                        for number in 0..<100 { _ = transport.publish([message("a", "\(publisher):\(number)")]) }
                    }
                }
            }
            try await inbox.wait(for: 400)
            for publisher in 0..<4 {
                #expect(
                    inbox.texts.filter { $0.hasPrefix("\(publisher):") } == (0..<100).map { "\(publisher):\($0)" })
            }
        }
    }

    /// Whoever is subscribed to the subject gets the message, once, on its own loop.
    public static func deliversToAllSubscribers(_ make: Make) async throws {
        try await withTransport(make) { transport in
            var inboxes: [RecordingInbox] = []
            for _ in 0..<3 { inboxes.append(try await subscribed(transport, to: "a", "b")) }
            try await transport.publish([message("a", "1"), message("b", "2")]).get()
            for inbox in inboxes {
                try await inbox.wait(for: 2)
                #expect(
                    inbox.messages == [.init("a", "1"), .init("b", "2")])
                #expect(inbox.callsOnWrongLoop == 0)
            }
        }
    }

    /// Subjects are compared byte for byte: no patterns, no case folding, no canonical equivalence.
    public static func matchesSubjectsExactly(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a", "\u{E9}", "x*")
            for subject in ["A", "aa", "", "*", "a*", "?", "e\u{301}", "xy", "a "] {
                try await transport.publish([message(subject, "wrong")]).get()
            }
            try await transport.publish([message("a", "1"), message("\u{E9}", "2"), message("x*", "3")]).get()
            try await inbox.wait(for: 3)
            #expect(inbox.texts == ["1", "2", "3"])
        }
    }

    /// A body arrives byte for byte: empty, with every byte value, and long.
    public static func carriesBodiesUnchanged(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a")
            let bodies = [
                ByteBuffer(), ByteBuffer(bytes: UInt8.min...UInt8.max), ByteBuffer(string: "\r\n"),
                ByteBuffer(repeating: 0x80, count: 500_000),
            ]
            try await transport.publish(bodies.map { BusMessage(subject: "a", body: $0) }).get()
            try await inbox.wait(for: bodies.count)
            #expect(inbox.bodies == bodies)
        }
    }

    /// A message is delivered that is published in the moment in which `subscribe` returns.
    public static func subscriptionIsActiveWhenItReturns(_ make: Make) async throws {
        try await withTransport(make) { transport in
            for number in 0..<20 {
                let inbox = try await subscribed(transport, to: "s\(number)")
                try await transport.publish([message("s\(number)", "1")]).get()
                try await inbox.wait(for: 1)
                #expect(inbox.texts == ["1"])
            }
        }
    }

    /// A second subscription of an inbox adds its subjects; one that it has already is not delivered twice.
    public static func addsSubjectsToASubscription(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a")
            try await transport.subscribe(inbox, to: ["a", "b"])
            try await transport.publish([message("a", "1"), message("b", "2")]).get()
            try await inbox.wait(for: 2)
            try await transport.publish([message("a", "3")]).get()
            try await inbox.wait(for: 3)
            #expect(inbox.texts == ["1", "2", "3"])
        }
    }

    /// What is published after `unsubscribe` has returned does not arrive; other inboxes still get it.
    public static func deliversNothingAfterUnsubscribe(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let gone = try await subscribed(transport, to: "a")
            let other = try await subscribed(transport, to: "a")
            await transport.unsubscribe(gone)
            try await transport.publish([message("a", "1")]).get()
            try await other.wait(for: 1)
            #expect(gone.texts.isEmpty)
        }
    }

    /// An inbox that unsubscribes with messages under way, and subscribes again, gets what comes from then on.
    public static func canSubscribeAgain(_ make: Make) async throws {
        try await onALoopOfItsOwn(make) { transport, inbox in
            for round in 0..<20 {
                let busy = await BusyLoop(inbox.eventLoop)
                try await transport.publish([message("a", "old")]).get()
                await transport.unsubscribe(inbox)
                try await transport.subscribe(inbox, to: ["a"])
                busy.goOn()
                try await inbox.eventLoop.submit {}.get()
                try await transport.publish([message("a", "new \(round)")]).get()
                try await eventually { inbox.texts.contains("new \(round)") }
            }
        }
    }

    /// A subject without subscribers is no error.
    public static func takesMessagesForNobody(_ make: Make) async throws {
        try await withTransport(make) { transport in
            try await transport.publish([message("nobody", "1")]).get()
            try await transport.publish([]).get()
        }
    }

    /// `ready()` returns while the transport runs, and throws where the task is cancelled before that.
    public static func becomesReady(_ make: Make) async throws {
        try await withTransport(make) { transport in try await transport.ready() }
    }

    /// `run()` ends on graceful shutdown, and on cancellation, with subscriptions standing.
    public static func stops(_ make: Make) async throws {
        try await withTransport(make) { transport in _ = try await subscribed(transport, to: "a") }
        let transport = try await make()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try? await transport.run() }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    // MARK: Helpers

    static func withTransport(_ make: Make, _ body: (any Transport) async throws -> Void) async throws {
        let transport = try await make()
        try await running([transport]) {
            try await transport.ready()
            try await body(transport)
        }
    }

    static func subscribed(_ transport: any Transport, to subjects: String...) async throws -> RecordingInbox {
        let inbox = RecordingInbox(on: MultiThreadedEventLoopGroup.singleton.next())
        try await transport.subscribe(inbox, to: subjects)
        return inbox
    }

    static func message(_ subject: String, _ text: String) -> BusMessage {
        BusMessage(subject: subject, body: ByteBuffer(string: text))
    }
}
