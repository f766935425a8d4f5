import CoreMetrics
import Synchronization

/// One metric with one set of labels.
final class Series: CounterHandler, RecorderHandler, TimerHandler {
    enum Kind: String { case counter, gauge, summary }

    let kind: Kind
    let name: String
    /// `{a="b"}`, or empty.
    let labels: String
    /// A counter's value; of a summary the number of recordings.
    private let count = Atomic<Int64>(0)
    /// A gauge's value, of a summary the sum; the bits of a `Double`.
    private let value = Atomic<UInt64>(0)

    init(_ kind: Kind, name: String, labels: String) {
        self.kind = kind
        self.name = name
        self.labels = labels
    }

    var lines: String {
        let number = Double(bitPattern: value.load(ordering: .relaxed))
        let count = count.load(ordering: .relaxed)
        return switch kind {
        case .counter: "\(name)\(labels) \(count)\n"
        case .gauge: "\(name)\(labels) \(number)\n"
        case .summary: "\(name)_sum\(labels) \(number)\n\(name)_count\(labels) \(count)\n"
        }
    }

    func increment(by amount: Int64) {
        count.wrappingAdd(amount, ordering: .relaxed)
    }

    func reset() {
        count.store(0, ordering: .relaxed)
    }

    func record(_ value: Int64) {
        record(Double(value))
    }

    func record(_ number: Double) {
        guard kind == .summary else { return value.store(number.bitPattern, ordering: .relaxed) }
        count.wrappingAdd(1, ordering: .relaxed)
        var old = value.load(ordering: .relaxed)
        while true {
            let new = (Double(bitPattern: old) + number).bitPattern
            let (exchanged, current) = value.compareExchange(expected: old, desired: new, ordering: .relaxed)
            if exchanged { return }
            old = current
        }
    }

    func recordNanoseconds(_ duration: Int64) {
        record(Double(duration) / 1_000_000_000)
    }
}
