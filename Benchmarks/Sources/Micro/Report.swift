import Foundation

/// Tables for standard output.
enum Report {
    static func timings(_ measurements: [Measurement]) -> String {
        table(
            ["", "per", "bytes", "ns, median", "ns, best", "ns per byte", "allocations"],
            measurements.map {
                [
                    $0.name, $0.unit, $0.bytes.map(String.init) ?? "", time($0.nanoseconds), time($0.best),
                    perByte($0), count($0.allocations),
                ]
            })
    }

    static func check(_ measurements: [Measurement], against thresholds: Thresholds) -> String {
        table(
            ["", "per", "allowed", "found"],
            measurements.map { [$0.name, $0.unit, count(thresholds.allocations[$0.name]), count($0.allocations)] })
    }

    private static func perByte(_ measurement: Measurement) -> String {
        guard let bytes = measurement.bytes, let nanoseconds = measurement.nanoseconds else { return "" }
        return String(format: "%.2f", nanoseconds / Double(bytes))
    }

    private static func time(_ nanoseconds: Double?) -> String {
        nanoseconds.map { $0 < 100 ? String(format: "%.1f", $0) : String(format: "%.0f", $0) } ?? "-"
    }

    static func count(_ allocations: Double?) -> String {
        guard let allocations else { return "-" }
        return allocations == allocations.rounded()
            ? String(format: "%.0f", allocations) : String(format: "%.3f", allocations)
    }

    private static func table(_ header: [String], _ rows: [[String]]) -> String {
        let rule = header.enumerated().map { $0.offset < 2 ? "---" : "--:" }
        return ([header, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }
}

func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}
