public import FreeIMCore
public import NIOCore
import Synchronization

/// Records what a transport delivers, and how it is cut into bursts.
public final class RecordingInbox: TransportInbox {
    public struct Message: Sendable, Equatable {
        public var subject: String
        public var text: String

        public init(_ subject: String, _ text: String) {
            self.subject = subject
            self.text = text
        }
    }

    private struct State {
        var messages: [BusMessage] = []
        var bursts: [Int] = []
        var open = 0
        var wrongLoop = 0
    }

    public let eventLoop: any EventLoop
    private let state = Mutex(State())

    public init(on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    public func receive(_ body: ByteBuffer, on subject: String) {
        let isOnLoop = eventLoop.inEventLoop
        state.withLock { state in
            state.messages.append(BusMessage(subject: subject, body: body))
            state.open += 1
            if !isOnLoop { state.wrongLoop += 1 }
        }
    }

    public func burstEnded() {
        state.withLock { state in
            state.bursts.append(state.open)
            state.open = 0
        }
    }

    public var count: Int { state.withLock { $0.messages.count } }
    public var messages: [Message] {
        state.withLock { $0.messages }.map { Message($0.subject, String(buffer: $0.body)) }
    }
    public var texts: [String] { messages.map(\.text) }
    public var bodies: [ByteBuffer] { state.withLock { $0.messages }.map(\.body) }
    /// The messages of each burst that has ended, counted.
    public var bursts: [Int] { state.withLock { $0.bursts } }
    /// Messages since the last end of a burst.
    public var openMessages: Int { state.withLock { $0.open } }
    /// Calls that did not come on ``eventLoop``.
    public var callsOnWrongLoop: Int { state.withLock { $0.wrongLoop } }

    /// The decoded envelopes, in order.
    public var envelopes: [Envelope] {
        get throws { try bodies.map { try EnvelopeCodec.decode($0) } }
    }

    /// Waits until `count` messages have come, in bursts that have ended.
    public func wait(for count: Int, within deadline: Duration = .seconds(30)) async throws {
        try await eventually(within: deadline) {
            state.withLock { $0.messages.count >= count && $0.open == 0 }
        }
    }

    public func clear() {
        state.withLock { $0 = State() }
    }
}
