extension Section {
    /// Reads a mapping of names to values, and checks each value.
    public mutating func read<Value: SectionValue>(
        _ key: String, into target: inout [String: Value], _ constraint: Constraint<Value>, _ meaning: String
    ) {
        let standard = target.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.sectionText)" }
        know(
            Key(
                name: key, expectation: "a mapping of names to " + Self.expectation(constraint),
                standard: standard.isEmpty ? nil : standard.joined(separator: ", "), isRequired: false,
                meaning: meaning))
        guard let node = take(key) else { return }
        guard case .mapping(let pairs) = node.value else {
            report(
                .invalidValue,
                "'\(key)' of \(owner) must be a mapping of names to \(Self.expectation(constraint)): '{ name: value }'",
                at: node.location)
            return
        }
        target = [:]
        for (name, location, node) in pairs {
            guard target[name] == nil else {
                report(.duplicateKey, "'\(key)' of \(owner) names '\(name)' twice; keep one", at: location)
                continue
            }
            if let value = parse(node, "\(key).\(name)", constraint) { target[name] = value }
        }
    }
}
