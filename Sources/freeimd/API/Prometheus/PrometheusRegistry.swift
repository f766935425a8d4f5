public import CoreMetrics
import Synchronization

/// Keeps a process's metrics for `GET /metrics`, in the text format that Prometheus reads.
///
/// The daemon bootstraps swift-metrics with one of these; a program that embeds a node may do so, or use another backend.
public final class PrometheusRegistry: MetricsFactory {
    private struct State {
        var series: [String: [Series]] = [:]
        var count = 0
    }

    /// Series beyond which new ones are kept nowhere: labels with endless values must not fill the memory.
    public let limit: Int
    private let state = Mutex(State())

    public init(limit: Int = 10_000) {
        self.limit = limit
    }

    /// All series, in the order of their names.
    public func text() -> String {
        let families = state.withLock { $0.series }.sorted { $0.key < $1.key }
        return families.map { name, series in
            "# TYPE \(name) \(series[0].kind.rawValue)\n" + series.map(\.lines).joined()
        }.joined()
    }

    private func series(
        _ kind: Series.Kind, _ label: String, _ dimensions: [(String, String)]
    ) -> Series {
        let fresh = Series(kind, name: PrometheusText.name(label), labels: PrometheusText.labels(dimensions))
        return state.withLock { state in
            if let known = state.series[fresh.name]?.first(where: { $0.labels == fresh.labels }) { return known }
            guard state.count < limit else { return fresh }
            state.count += 1
            state.series[fresh.name, default: []].append(fresh)
            return fresh
        }
    }

    // MARK: MetricsFactory

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(.counter, label, dimensions)
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        series(aggregate ? .summary : .gauge, label, dimensions)
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(.summary, label, dimensions)
    }

    // Series live as long as the process: their owners make them once.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}
}
