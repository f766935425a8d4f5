import FreeIMCore
import Logging
import Metrics
import Synchronization

/// Counts values that are no client's, and logs one of them a minute.
final class UndecodableNotices: Sendable {
    private let logger: Logger
    private let now: @Sendable () -> ContinuousClock.Instant
    private let count: Counter
    private let lastLogged = Mutex<ContinuousClock.Instant?>(nil)

    private static let pause = Duration.seconds(60)

    init(
        logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now },
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.logger = logger
        self.now = now
        count = Counter(label: "freeim_token_undecodable_total", factory: factory)
    }

    func note(_ error: EnvelopeError) {
        count.increment()
        let now = now()
        let isDue = lastLogged.withLock { last in
            if let last, now - last < Self.pause { return false }
            last = now
            return true
        }
        guard isDue else { return }
        logger.warning("token's value is no client", metadata: [LogKey.error: "\(error)"])
    }
}
