public import FreeIMCore
import NIOCore
import NIOPosix
import Testing

extension TransportContract {
    /// What is published while the subscriber's loop is busy is delivered in order and in few bursts.
    public static func deliversInBursts(_ make: Make) async throws {
        try await onALoopOfItsOwn(make) { transport, inbox in
            let busy = await BusyLoop(inbox.eventLoop)
            let texts = (0..<1_000).map(String.init)
            for text in texts { try await transport.publish([message("a", text)]).get() }
            busy.goOn()
            try await inbox.wait(for: texts.count)
            #expect(inbox.texts == texts)
            // Far fewer than messages, however the transport cuts them.
            #expect(inbox.bursts.count <= 20)
            #expect(inbox.bursts.reduce(0, +) == texts.count)
        }
    }

    /// Every message is followed by the end of a burst.
    public static func endsEachBurst(_ make: Make) async throws {
        try await withTransport(make) { transport in
            let inbox = try await subscribed(transport, to: "a")
            for number in 1...20 {
                try await transport.publish([message("a", "\(number)")]).get()
                try await inbox.wait(for: number)
            }
            #expect(inbox.openMessages == 0)
            #expect(inbox.bursts.allSatisfy { $0 > 0 })
        }
    }

    /// Publishers wait while the queue is full, and go on in order when there is room.
    ///
    /// - Parameters:
    ///   - make: a transport that takes few messages for a busy subscriber, and waits long for room.
    ///   - capacity: how many it takes.
    public static func publishersWaitForRoom(capacity: Int, _ make: Make) async throws {
        try await onALoopOfItsOwn(make) { transport, inbox in
            let busy = await BusyLoop(inbox.eventLoop)
            let texts = (0..<capacity * 3).map(String.init)
            let taken = texts.map { transport.publish([message("a", $0)]) }
            try await EventLoopFuture.andAllSucceed(Array(taken[..<capacity]), on: taken[0].eventLoop).get()
            busy.goOn()
            for future in taken { try await value(of: future) }
            try await inbox.wait(for: texts.count)
            #expect(inbox.texts == texts)
        }
    }

    /// A publication for which there is no room within the deadline fails with `overloaded`; exactly those that
    /// succeeded are delivered, in order.
    ///
    /// - Parameters:
    ///   - make: a transport that takes few messages for a busy subscriber, and waits for room only shortly.
    ///   - capacity: how many it takes.
    public static func publishersFailWithoutRoom(capacity: Int, _ make: Make) async throws {
        try await onALoopOfItsOwn(make) { transport, inbox in
            let busy = await BusyLoop(inbox.eventLoop)
            let taken = (0..<capacity * 2).map { transport.publish([message("a", "\($0)")]) }
            var succeeded: [String] = []
            for (number, future) in taken.enumerated() {
                do {
                    try await value(of: future)
                    succeeded.append("\(number)")
                } catch let error as TransportError {
                    #expect(error.code == .overloaded)
                }
            }
            #expect(succeeded.count == capacity)
            busy.goOn()
            try await transport.publish([message("a", "end")]).get()
            try await eventually { inbox.texts.last == "end" }
            #expect(inbox.texts == succeeded + ["end"])
        }
    }

    /// A transport with a subscriber whose loop serves nothing else, so that it can be kept busy.
    public static func onALoopOfItsOwn(
        _ make: Make, _ body: (any Transport, RecordingInbox) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await withTransport(make) { transport in
                let inbox = RecordingInbox(on: group.next())
                try await transport.subscribe(inbox, to: ["a"])
                try await body(transport, inbox)
                await transport.unsubscribe(inbox)
            }
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }
}
