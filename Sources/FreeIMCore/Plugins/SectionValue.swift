/// A type that a scalar of a manifest can have.
public protocol SectionValue: Sendable {
    /// What is expected, for error messages and documentation: `a whole number`, `a duration like 10s`.
    static var expectation: String { get }
    /// nil where the text is not of this type.
    init?(sectionText: String)
    /// The text that gives this value.
    var sectionText: String { get }
}

extension Int: SectionValue {
    public static var expectation: String { "a whole number" }
    public init?(sectionText: String) { self.init(sectionText) }
    public var sectionText: String { String(self) }
}

extension Double: SectionValue {
    public static var expectation: String { "a number" }
    public init?(sectionText: String) {
        guard let value = Double(sectionText), value.isFinite else { return nil }
        self = value
    }
    public var sectionText: String { String(self) }
}

extension Bool: SectionValue {
    public static var expectation: String { "true or false" }
    public init?(sectionText: String) { self.init(sectionText) }
    public var sectionText: String { String(self) }
}

extension String: SectionValue {
    public static var expectation: String { "a text" }
    public init?(sectionText: String) { self = sectionText }
    public var sectionText: String { self }
}

/// Enumerations of words: declare the conformance, nothing else.
extension SectionValue where Self: RawRepresentable & CaseIterable, RawValue == String {
    public static var expectation: String {
        "one of " + allCases.map(\.rawValue).joined(separator: ", ")
    }
    public init?(sectionText: String) { self.init(rawValue: sectionText) }
    public var sectionText: String { rawValue }
}

extension Duration: SectionValue {
    public static var expectation: String { "a duration like 250ms, 10s, 5m or 1h" }

    public init?(sectionText: String) {
        let digits = sectionText.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int64(digits), count <= 1_000_000_000 else { return nil }
        switch sectionText.dropFirst(digits.count) {
        case "ms": self = .milliseconds(count)
        case "s": self = .seconds(count)
        case "m": self = .seconds(count * 60)
        case "h": self = .seconds(count * 3_600)
        default: return nil
        }
    }

    public var sectionText: String {
        let milliseconds = components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
        return switch milliseconds {
        case let all where all % 3_600_000 == 0 && all > 0: "\(all / 3_600_000)h"
        case let all where all % 60_000 == 0 && all > 0: "\(all / 60_000)m"
        case let all where all % 1_000 == 0: "\(all / 1_000)s"
        default: "\(milliseconds)ms"
        }
    }
}

/// A number of bytes: `1000`, `64KiB`, `1MiB`, `1GiB`.
public struct ByteCount: SectionValue, Comparable, Hashable {
    public var bytes: Int

    public init(_ bytes: Int) {
        self.bytes = bytes
    }

    public static var expectation: String { "a number of bytes like 1000, 64KiB or 1MiB" }

    private static let units: [(suffix: String, bytes: Int)] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1),
    ]

    public init?(sectionText: String) {
        for unit in Self.units where sectionText.hasSuffix(unit.suffix) {
            guard let count = Int(sectionText.dropLast(unit.suffix.count)), count >= 0,
                case let (bytes, overflow) = count.multipliedReportingOverflow(by: unit.bytes), !overflow
            else { return nil }
            self.bytes = bytes
            return
        }
        return nil
    }

    public var sectionText: String {
        for unit in Self.units where bytes % unit.bytes == 0 && bytes > 0 {
            return "\(bytes / unit.bytes)\(unit.suffix)"
        }
        return String(bytes)
    }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }
}
