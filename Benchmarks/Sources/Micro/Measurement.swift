import CAllocations

/// What one benchmark came to, per operation.
struct Measurement: Codable {
    var name: String
    var unit: String
    var bytes: Int?
    /// Median and least of the runs; nil where only allocations are counted.
    var nanoseconds: Double?
    var best: Double?
    /// nil where they cannot be counted.
    var allocations: Double?
}

/// How a benchmark is measured.
struct Measuring {
    /// A run repeats the benchmark for at least this long.
    var runTime: Duration
    /// 0 where only allocations are counted.
    var runs: Int

    static let full = Measuring(runTime: .milliseconds(50), runs: 15)
    static let quick = Measuring(runTime: .milliseconds(5), runs: 5)
    static let allocationsOnly = Measuring(runTime: .zero, runs: 0)

    /// Calls before the first that counts: caches, lazy globals and arrays that keep their room settle in them.
    private static let warmUp = 5
    private static let countedCalls = 20

    func callAsFunction(_ benchmark: Benchmark) -> Measurement {
        let body = benchmark.make()
        for _ in 0..<Self.warmUp { body() }
        var measurement = Measurement(name: benchmark.name, unit: benchmark.unit, bytes: benchmark.bytes)
        measurement.allocations = allocations(of: body, operations: benchmark.operations)
        guard runs > 0 else { return measurement }
        let calls = callsPerRun(body)
        let times = (0..<runs)
            .map { _ in time(of: body, calls: calls) / Double(calls * benchmark.operations) }.sorted()
        measurement.nanoseconds = times[times.count / 2]
        measurement.best = times[0]
        return measurement
    }

    private func allocations(of body: () -> Void, operations: Int) -> Double? {
        guard allocations_are_counted() else { return nil }
        let before = allocations_of_this_thread()
        for _ in 0..<Self.countedCalls { body() }
        let count = Double(allocations_of_this_thread() - before) / Double(Self.countedCalls * operations)
        return (count * 1_000).rounded() / 1_000
    }

    private func callsPerRun(_ body: () -> Void) -> Int {
        var calls = 1
        while true {
            let time = time(of: body, calls: calls)
            let wanted = runTime / .nanoseconds(1)
            if time >= wanted { return calls }
            calls = time * 10 < wanted ? calls * 10 : calls * 2
        }
    }

    private func time(of body: () -> Void, calls: Int) -> Double {
        let clock = ContinuousClock()
        return clock.measure { for _ in 0..<calls { body() } } / .nanoseconds(1)
    }
}
