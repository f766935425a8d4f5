import Foundation

/// The most allocations per operation that each benchmark may make.
struct Thresholds: Codable {
    var allocations: [String: Double]

    init(_ measurements: [Measurement]) {
        allocations = [:]
        for measurement in measurements { allocations[measurement.name] = measurement.allocations }
    }

    init(file: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: file)))
    }

    func write(to file: String) throws { try encodeJSON(self, to: file) }
}

func encodeJSON(_ value: some Encodable, to file: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try (encoder.encode(value) + Data("\n".utf8)).write(to: URL(filePath: file))
}
