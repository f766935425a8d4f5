import ArgumentParser
import CAllocations

@main
struct Micro: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "micro", abstract: "Measures the steps of the message path, one by one.")

    @Flag(help: "Short runs: does it work, and where about are we.")
    var quick = false

    @Option(help: "Only benchmarks whose name contains this.")
    var filter: String?

    @Option(help: ArgumentHelp("Write the figures there, too.", valueName: "file"))
    var json: String?

    @Option(
        help: ArgumentHelp("Count allocations only, and fail where more are found than this allows.", valueName: "file")
    )
    var check: String?

    @Option(help: ArgumentHelp("Count allocations only, and allow what is found.", valueName: "file"))
    var allow: String?

    func validate() throws {
        if filter != nil, allow != nil {
            throw ValidationError("--allow writes the file anew, so it takes all benchmarks")
        }
    }

    func run() throws {
        let measure: Measuring = check != nil || allow != nil ? .allocationsOnly : quick ? .quick : .full
        guard measure.runs > 0 || allocations_are_counted() else {
            throw ValidationError("allocations can be counted with glibc only")
        }
        let benchmarks = Benchmark.all.filter { filter.map($0.name.contains) ?? true }
        guard !benchmarks.isEmpty else { throw ValidationError("no benchmark's name contains '\(filter ?? "")'") }
        try verifyCounter()
        let measurements = benchmarks.map { benchmark in
            note(benchmark.name)
            return measure(benchmark)
        }
        if let json { try encodeJSON(measurements, to: json) }
        if let allow { try Thresholds(measurements).write(to: allow) }
        guard let check else { return print(Report.timings(measurements)) }
        try compare(measurements, with: check)
    }

    /// Without this a counter that counts nothing would pass every check.
    private func verifyCounter() throws {
        let before = allocations_of_this_thread()
        let expected = allocations_call_each()
        let found = allocations_of_this_thread() - before
        guard found == expected else {
            note("\(found) allocations were counted where \(expected) were made: the figures would mean nothing")
            throw ExitCode(2)
        }
    }

    private func compare(_ measurements: [Measurement], with file: String) throws {
        let thresholds = try Thresholds(file: file)
        print(Report.check(measurements, against: thresholds))
        var failures = 0
        for measurement in measurements {
            guard let found = measurement.allocations else { continue }
            guard let allowed = thresholds.allocations[measurement.name] else {
                note("'\(measurement.name)' has no threshold")
                failures += 1
                continue
            }
            guard found != allowed else { continue }
            note(
                """
                '\(measurement.name)' makes \(Report.count(found)) allocations per \(measurement.unit), \
                \(Report.count(allowed)) are allowed
                """)
            if found > allowed { failures += 1 }
        }
        guard failures > 0 else { return }
        note("Where more is meant, 'make bench-allow' writes what is found to \(file).")
        throw ExitCode(1)
    }
}
