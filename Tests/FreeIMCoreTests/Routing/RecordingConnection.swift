import FreeIMTestSupport
import NIOCore
import Synchronization

@testable import FreeIMCore

/// Records what its shard asks of it.
final class RecordingConnection: Connection, Sendable {
    enum Event: Equatable, CustomStringConvertible {
        /// The texts of the frames of one write.
        case write([String])
        case flush
        case answer
        case close(CloseCode)
        case goAway
        case abort

        var description: String {
            switch self {
            case .write(let texts): "write \(texts)"
            case .flush: "flush"
            case .answer: "answer"
            case .close(let code): "close \(code)"
            case .goAway: "goAway"
            case .abort: "abort"
            }
        }
    }

    private struct State {
        var events: [Event] = []
        var promises: [EventLoopPromise<Void>] = []
        var deadlines: [Tick] = []
    }

    private let state = Mutex(State())
    /// Called by each flush.
    private let onFlush: @Sendable () -> Void
    private let onDeadline: @Sendable (Tick) -> Tick?
    private let onGoAway: @Sendable () -> Void

    init(
        onFlush: @escaping @Sendable () -> Void = {}, onGoAway: @escaping @Sendable () -> Void = {},
        onDeadline: @escaping @Sendable (Tick) -> Tick? = { _ in nil }
    ) {
        self.onFlush = onFlush
        self.onGoAway = onGoAway
        self.onDeadline = onDeadline
    }

    var events: [Event] { state.withLock { $0.events } }
    /// The texts of all writes.
    var texts: [String] {
        events.flatMap { event -> [String] in
            if case .write(let texts) = event { texts } else { [] }
        }
    }
    var flushes: Int { events.count { $0 == .flush } }
    var closeCodes: [CloseCode] { events.compactMap { if case .close(let code) = $0 { code } else { nil } } }
    var deadlines: [Tick] { state.withLock { $0.deadlines } }

    /// The promises of writes, to be fulfilled by the test.
    func takePromises() -> [EventLoopPromise<Void>] {
        state.withLock { state in
            defer { state.promises = [] }
            return state.promises
        }
    }

    private func add(_ event: Event) { state.withLock { $0.events.append(event) } }

    func write(_ frames: ByteBuffer) {
        var frames = frames
        let texts = try? ServerFrame.read(&frames).map { String(decoding: $0.payload, as: UTF8.self) }
        add(.write(texts ?? ["no frames"]))
    }

    func write(_ frames: ByteBuffer, promise: EventLoopPromise<Void>) {
        write(frames)
        state.withLock { $0.promises.append(promise) }
    }

    func flush() {
        add(.flush)
        onFlush()
    }

    func answer() { add(.answer) }

    func close(_ code: CloseCode, reason: String) { add(.close(code)) }

    func goAway() {
        add(.goAway)
        onGoAway()
    }

    func abort() { add(.abort) }

    func deadlineReached(now: Tick) -> Tick? {
        state.withLock { $0.deadlines.append(now) }
        return onDeadline(now)
    }
}
