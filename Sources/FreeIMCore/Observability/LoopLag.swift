import Logging
import Metrics
import NIOCore

/// How late an event loop is, as its clock's ticks tell. Only on the loop.
final class LoopLag {
    private let number: Int
    private let tick: TimeAmount
    private let warning: TimeAmount
    private let logger: Logger
    private let lag: Metrics.Timer
    private let worst: Gauge
    private var due: NIODeadline
    /// The worst of this window and of the one before, so that a look every 15 s misses none.
    private var window = (current: TimeAmount.zero, previous: TimeAmount.zero)
    private var windowEnd: NIODeadline
    private var nextWarning: NIODeadline

    private static let windowLength = TimeAmount.seconds(15)
    private static let warningPause = TimeAmount.seconds(10)

    init(
        of number: Int, tick: TimeAmount, warning: Duration, logger: Logger, now: NIODeadline = .now(),
        factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.number = number
        self.tick = tick
        self.warning = TimeAmount(warning)
        self.logger = logger
        let loop = [("loop", "\(number)")]
        lag = Metrics.Timer(label: "freeim_loop_lag_seconds", dimensions: loop, factory: factory)
        worst = Gauge(label: "freeim_loop_lag_worst_seconds", dimensions: loop, factory: factory)
        due = now + tick
        windowEnd = now + Self.windowLength
        nextWarning = now
    }

    /// The loop has come to its tick.
    func ticked(at now: NIODeadline) {
        let late = max(.zero, now - due)
        lag.recordNanoseconds(late.nanoseconds)
        if now >= windowEnd {
            window = (.zero, window.current)
            windowEnd = now + Self.windowLength
        }
        window.current = max(window.current, late)
        worst.record(Double(max(window.current, window.previous).nanoseconds) / 1_000_000_000)
        guard late >= warning, now >= nextWarning else { return }
        nextWarning = now + Self.warningPause
        logger.warning(
            "event loop late: look for a module that blocks, or for too little CPU",
            metadata: ["loop": "\(number)", "lag": "\(late.nanoseconds / 1_000_000)ms"])
    }

    /// The tick's work is done; the next tick comes one tick from now.
    func waits(from now: NIODeadline) {
        due = now + tick
    }
}
