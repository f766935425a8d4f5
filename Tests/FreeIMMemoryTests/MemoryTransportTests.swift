import FreeIMCore
import FreeIMMemory
import FreeIMTestSupport
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@Suite("The memory transport keeps the transport's contract")
struct MemoryTransportContractTests {
    private let make: TransportContract.Make = {
        MemoryTransport(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
    }

    private func limited(pending: Int, timeout: Duration) -> TransportContract.Make {
        {
            var configuration = MemoryConfiguration()
            configuration.maxPending = pending
            configuration.publishTimeout = timeout
            return MemoryTransport(configuration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        }
    }

    @Test("messages of one publisher arrive in its order", arguments: [true, false])
    func order(awaiting: Bool) async throws {
        try await TransportContract.keepsThePublishersOrder(awaiting: awaiting, make)
    }

    @Test("messages of one call arrive in its order")
    func orderWithinACall() async throws { try await TransportContract.keepsTheOrderWithinACall(make) }

    @Test("each of several publishers finds its order kept")
    func orderOfSeveral() async throws { try await TransportContract.keepsTheOrderOfSeveralPublishers(make) }

    @Test("all subscribers get a message, on their loops")
    func allSubscribers() async throws { try await TransportContract.deliversToAllSubscribers(make) }

    @Test("subjects match exactly")
    func exactSubjects() async throws { try await TransportContract.matchesSubjectsExactly(make) }

    @Test("bodies arrive unchanged")
    func bodies() async throws { try await TransportContract.carriesBodiesUnchanged(make) }

    @Test("a subscription is active when it returns")
    func activeAtOnce() async throws { try await TransportContract.subscriptionIsActiveWhenItReturns(make) }

    @Test("a second subscription adds subjects")
    func addedSubjects() async throws { try await TransportContract.addsSubjectsToASubscription(make) }

    @Test("nothing arrives after unsubscribing")
    func unsubscribed() async throws { try await TransportContract.deliversNothingAfterUnsubscribe(make) }

    @Test("an inbox can subscribe again with messages under way")
    func again() async throws { try await TransportContract.canSubscribeAgain(make) }

    @Test("a message for nobody is fine")
    func nobody() async throws { try await TransportContract.takesMessagesForNobody(make) }

    @Test("it becomes ready")
    func ready() async throws { try await TransportContract.becomesReady(make) }

    @Test("it stops")
    func stop() async throws { try await TransportContract.stops(make) }

    @Test("messages for a busy subscriber come in few bursts")
    func bursts() async throws { try await TransportContract.deliversInBursts(make) }

    @Test("every message is followed by the end of a burst")
    func burstEnds() async throws { try await TransportContract.endsEachBurst(make) }

    @Test("publishers wait for room in a full queue")
    func waiting() async throws {
        try await TransportContract.publishersWaitForRoom(
            capacity: 10, limited(pending: 10, timeout: .seconds(30)))
    }

    @Test("publishers fail where there is no room in time")
    func failing() async throws {
        try await TransportContract.publishersFailWithoutRoom(
            capacity: 10, limited(pending: 10, timeout: .milliseconds(20)))
    }
}

@Suite("Memory transport")
struct MemoryTransportTests {
    private static let group = MultiThreadedEventLoopGroup.singleton

    private static func message(_ subject: String, _ text: String) -> BusMessage {
        BusMessage(subject: subject, body: ByteBuffer(string: text))
    }

    /// A transport whose subscriber of "a" is busy, with a full queue, and one whose subscriber of "b" is not.
    private static func withFullQueue(
        _ configuration: MemoryConfiguration, eventLoopGroup: any EventLoopGroup = group,
        _ body: (MemoryTransport, _ full: RecordingInbox, _ free: RecordingInbox, BusyLoop) async throws -> Void
    ) async throws {
        let own = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let transport = MemoryTransport(configuration, eventLoopGroup: eventLoopGroup)
        let full = RecordingInbox(on: own.next())
        let free = RecordingInbox(on: group.next())
        try await transport.subscribe(full, to: ["a"])
        try await transport.subscribe(free, to: ["b"])
        let busy = await BusyLoop(own.next())
        for number in 0..<configuration.maxPending {
            try await transport.publish([message("a", "\(number)")]).get()
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(transport, full, free, busy)) } catch { result = .failure(error) }
        busy.goOn()
        try await own.shutdownGracefully()
        try result.get()
    }

    private static func limits(pending: Int = 2, waiting: Int = 100, timeout: Duration) -> MemoryConfiguration {
        var configuration = MemoryConfiguration()
        configuration.maxPending = pending
        configuration.maxWaiting = waiting
        configuration.publishTimeout = timeout
        return configuration
    }

    @Test("what waits behind a publication that expires goes on when it has room")
    func waitingBehindTheExpired() async throws {
        let clock = NIOAsyncTestingEventLoop()
        let limits = Self.limits(timeout: .seconds(10))
        try await Self.withFullQueue(limits, eventLoopGroup: clock) { transport, _, free, _ in
            let stuck = transport.publish([Self.message("a", "stuck")])
            await clock.advanceTime(by: .seconds(5))
            let behind = transport.publish([Self.message("b", "behind")])
            await clock.advanceTime(by: .seconds(5))
            await #expect(throws: TransportError.self) { try await value(of: stuck) }
            try await value(of: behind)
            try await free.wait(for: 1)
        }
        await clock.shutdownGracefully()
    }

    @Test("what waits for a subscriber that unsubscribes reaches the others at once")
    func waitingForTheUnsubscribed() async throws {
        try await Self.withFullQueue(Self.limits(timeout: .seconds(30))) { transport, full, free, _ in
            let waiting = transport.publish([Self.message("a", "nobody"), Self.message("b", "reached")])
            await transport.unsubscribe(full)
            try await value(of: waiting)
            try await free.wait(for: 1)
            #expect(free.texts == ["reached"])
        }
    }

    @Test("publications beyond max_waiting fail at once")
    func maxWaiting() async throws {
        try await Self.withFullQueue(Self.limits(waiting: 3, timeout: .seconds(30))) { transport, full, _, busy in
            let waiting = (0..<3).map { transport.publish([Self.message("a", "waiting \($0)")]) }
            let error = await #expect(throws: TransportError.self) {
                try await transport.publish([Self.message("a", "too many")]).get()
            }
            #expect(error?.code == .overloaded)
            #expect(error?.message.contains("max_waiting") == true)
            busy.goOn()
            for future in waiting { try await value(of: future) }
            try await full.wait(for: 5)
            #expect(full.texts == ["0", "1", "waiting 0", "waiting 1", "waiting 2"])
        }
    }

    @Test("nothing overtakes what waits, not even for another subject")
    func noOvertaking() async throws {
        try await Self.withFullQueue(Self.limits(timeout: .seconds(30))) { transport, _, free, busy in
            _ = transport.publish([Self.message("a", "stuck"), Self.message("b", "first")])
            _ = transport.publish([Self.message("b", "second")])
            #expect(free.texts.isEmpty)
            busy.goOn()
            try await free.wait(for: 2)
            #expect(free.texts == ["first", "second"])
        }
    }

    @Test("a burst has at most max_burst messages, and the loop does other work in between")
    func burstSize() async throws {
        var configuration = MemoryConfiguration()
        configuration.maxBurst = 100
        let limited = configuration
        try await TransportContract.onALoopOfItsOwn({
            MemoryTransport(limited, eventLoopGroup: Self.group)
        }) { transport, inbox in
            let busy = await BusyLoop(inbox.eventLoop)
            try await transport.publish((0..<250).map { Self.message("a", "\($0)") }).get()
            let between = inbox.eventLoop.submit { inbox.count }
            busy.goOn()
            try await inbox.wait(for: 250)
            #expect(inbox.bursts == [100, 100, 50])
            #expect(try await between.get() == 100)
        }
    }

    @Test("an inbox may publish from its own loop")
    func publishingInbox() async throws {
        let transport = MemoryTransport(eventLoopGroup: Self.group)
        let inbox = RecordingInbox(on: Self.group.next())
        try await transport.subscribe(inbox, to: ["a"])
        try await inbox.eventLoop.submit {
            for number in 0..<100 { _ = transport.publish([Self.message("a", "\(number)")]) }
        }.get()
        try await inbox.wait(for: 100)
        #expect(inbox.texts == (0..<100).map(String.init))
    }
}
