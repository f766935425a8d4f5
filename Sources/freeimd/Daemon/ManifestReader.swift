import FreeIMCore
import Foundation
import Yams

/// Turns YAML text into sections, environment variables put in; the only place that knows Yams.
struct ManifestReader {
    let file: String
    let environment: [String: String]
    private(set) var problems: [ModuleError] = []
    private var values = 0

    /// Values beyond which a manifest is refused: aliases of aliases grow without end.
    private static let maximumValues = 100_000

    init(file: String, environment: [String: String]) {
        self.file = file
        self.environment = environment
    }

    /// nil where the text is not YAML; the problem then says where.
    mutating func read(_ yaml: String) -> Section.Node? {
        do {
            guard let root = try Yams.compose(yaml: yaml) else {
                problems.append(
                    ModuleError(
                        .invalidManifest, "the manifest is empty; it has the keys 'node' and 'modules'",
                        at: SourceLocation(file: file, line: 1, column: 1)))
                return nil
            }
            let converted = convert(root, fallback: SourceLocation(file: file, line: 1, column: 1))
            // What was cut off would only seem to be missing.
            return values > Self.maximumValues ? nil : converted
        } catch {
            problems.append(problem(error))
            return nil
        }
    }

    private func problem(_ error: any Error) -> ModuleError {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _), YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            ModuleError(.invalidManifest, "not valid YAML: \(problem)", at: location(mark))
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            ModuleError(
                .duplicateKey,
                "key \(keys.sorted().map { "'\($0)'" }.joined(separator: ", ")) stands twice in this mapping; keep one",
                at: location(context.mark))
        case YamlError.reader(let problem, let offset, _, let yaml):
            // Its own description quotes the line, whatever secret stands there.
            ModuleError(
                .invalidManifest, "not valid YAML: \(problem)", at: location(offset: offset ?? 0, in: yaml))
        default:
            ModuleError(
                .invalidManifest, "not valid YAML: \(error)", at: SourceLocation(file: file, line: 1, column: 1))
        }
    }

    private func location(offset: Int, in yaml: String) -> SourceLocation {
        let lines = yaml.prefix(offset).split(separator: "\n", omittingEmptySubsequences: false)
        return SourceLocation(file: file, line: max(1, lines.count), column: (lines.last?.count ?? 0) + 1)
    }

    private func location(_ mark: Mark) -> SourceLocation {
        SourceLocation(file: file, line: mark.line, column: mark.column)
    }

    private mutating func convert(_ node: Yams.Node, fallback: SourceLocation) -> Section.Node {
        let place = node.mark.map(location) ?? fallback
        values += 1
        guard values <= Self.maximumValues else {
            if values == Self.maximumValues + 1 {
                problems.append(
                    ModuleError(
                        .invalidManifest,
                        "more than \(Self.maximumValues) values; are there aliases of aliases? write the values out",
                        at: place))
            }
            return Section.Node(.null, at: place)
        }
        switch node {
        case .scalar(let scalar):
            if scalar.style == .plain, ["", "~", "null"].contains(scalar.string.lowercased()) {
                return Section.Node(.null, at: place)
            }
            // What is undefined has been reported; as an absent value it does not lead to further mistakes.
            return Section.Node(expand(scalar.string, at: place).map { .scalar($0) } ?? .null, at: place)
        case .sequence(let sequence):
            var items: [Section.Node] = []
            for item in sequence { items.append(convert(item, fallback: place)) }
            return Section.Node(.list(items), at: place)
        case .mapping(let mapping):
            var pairs: [(key: String, keyLocation: SourceLocation, value: Section.Node)] = []
            for (key, value) in mapping {
                let keyPlace = key.mark.map(location) ?? place
                pairs.append((key.string ?? "", keyPlace, convert(value, fallback: keyPlace)))
            }
            return Section.Node(.mapping(pairs), at: place)
        case .alias:
            problems.append(
                ModuleError(.invalidManifest, "an alias without its anchor; write the value out", at: place))
            return Section.Node(.null, at: place)
        }
    }

    /// Puts in `${NAME}` and `${NAME:-default}`; `$${` stands for `${`. nil where something is undefined.
    private mutating func expand(_ text: String, at place: SourceLocation) -> String? {
        var expanded = ""
        var rest = text[...]
        while let dollar = rest.firstRange(of: "${") {
            if rest[..<dollar.lowerBound].hasSuffix("$") {
                expanded += rest[..<dollar.lowerBound].dropLast() + "${"
                rest = rest[dollar.upperBound...]
                continue
            }
            expanded += rest[..<dollar.lowerBound]
            guard let end = rest[dollar.upperBound...].firstIndex(of: "}") else {
                problems.append(
                    ModuleError(.invalidValue, "'${' without '}'; write '$${' for the characters themselves", at: place)
                )
                return nil
            }
            guard let value = value(of: rest[dollar.upperBound..<end], at: place) else { return nil }
            expanded += value
            rest = rest[rest.index(after: end)...]
        }
        return expanded + rest
    }

    private mutating func value(of reference: Substring, at place: SourceLocation) -> String? {
        let separator = reference.firstRange(of: ":-")
        let name = String(separator.map { reference[..<$0.lowerBound] } ?? reference)
        guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }) else {
            problems.append(
                ModuleError(
                    .invalidValue,
                    """
                    what stands in '${}' does not name a variable, which has letters, digits and '_'; write '$${' for \
                    the characters themselves
                    """, at: place))
            return nil
        }
        if let value = environment[name], !value.isEmpty || separator == nil { return value }
        if let separator { return String(reference[separator.upperBound...]) }
        problems.append(
            ModuleError(
                .missingValue,
                "the environment variable \(name) is not set; set it, or give a default: ${\(name):-value}", at: place))
        return nil
    }
}
