import FreeIMCore
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Records what is published, and takes it or not as told.
final class RecordingTransport: Transport {
    private struct State {
        var calls: [[BusMessage]] = []
        var failure: (any Error)?
        var subscribed: [String] = []
    }

    private let state = Mutex(State())
    private let eventLoopGroup: any EventLoopGroup

    init(eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) {
        self.eventLoopGroup = eventLoopGroup
    }

    /// The messages of each call.
    var calls: [[BusMessage]] { state.withLock { $0.calls } }
    var messages: [BusMessage] { calls.flatMap { $0 } }
    var subjects: [String] { messages.map(\.subject) }
    var envelopes: [Envelope] { get throws { try messages.map { try EnvelopeCodec.decode($0.body) } } }

    /// What every further publication and subscription fails with; nil: none.
    func fail(with error: (any Error)?) { state.withLock { $0.failure = error } }

    func publish(_ messages: [BusMessage]) -> EventLoopFuture<Void> {
        let failure = state.withLock { state in
            state.calls.append(messages)
            return state.failure
        }
        let eventLoop = eventLoopGroup.any()
        return failure.map { eventLoop.makeFailedFuture($0) } ?? eventLoop.makeSucceededVoidFuture()
    }

    func subscribe(_ inbox: any TransportInbox, to subjects: [String]) async throws(TransportError) {
        if let failure = state.withLock({ $0.failure }) as? TransportError { throw failure }
        state.withLock { $0.subscribed += subjects }
    }

    func unsubscribe(_ inbox: any TransportInbox) async {}
    func ready() async throws {}
    func run() async throws { try? await gracefulShutdown() }
}
