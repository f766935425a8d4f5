extension Section {
    /// Reads a key that has a default.
    public mutating func read<Value: SectionValue>(_ key: String, into target: inout Value, _ meaning: String) {
        read(key, into: &target, .any, meaning)
    }

    /// Reads a key that has a default, and checks its value.
    public mutating func read<Value: SectionValue>(
        _ key: String, into target: inout Value, _ constraint: Constraint<Value>, _ meaning: String
    ) {
        know(
            Key(
                name: key, expectation: Self.expectation(constraint), standard: target.sectionText, isRequired: false,
                meaning: meaning))
        if let node = take(key), let value = parse(node, key, constraint) { target = value }
    }

    /// Reads a key that may be absent.
    public mutating func read<Value: SectionValue>(_ key: String, into target: inout Value?, _ meaning: String) {
        read(key, into: &target, .any, meaning)
    }

    /// Reads a key that may be absent, and checks its value.
    public mutating func read<Value: SectionValue>(
        _ key: String, into target: inout Value?, _ constraint: Constraint<Value>, _ meaning: String
    ) {
        know(
            Key(
                name: key, expectation: Self.expectation(constraint), standard: target?.sectionText, isRequired: false,
                meaning: meaning))
        if let node = take(key), let value = parse(node, key, constraint) { target = value }
    }

    /// Reads a list; a single value counts as a list of one.
    public mutating func read<Value: SectionValue>(_ key: String, into target: inout [Value], _ meaning: String) {
        read(key, into: &target, .any, meaning)
    }

    /// Reads a list, and checks each value.
    public mutating func read<Value: SectionValue>(
        _ key: String, into target: inout [Value], _ constraint: Constraint<Value>, _ meaning: String
    ) {
        know(
            Key(
                name: key, expectation: "a list; each " + Self.expectation(constraint),
                standard: target.isEmpty ? nil : target.map(\.sectionText).joined(separator: ", "), isRequired: false,
                meaning: meaning))
        guard let node = take(key) else { return }
        if case .list(let nodes) = node.value {
            target = nodes.compactMap { node in
                if case .null = node.value { return nil }
                return parse(node, key, constraint)
            }
        } else if let value = parse(node, key, constraint) {
            target = [value]
        }
    }

    /// Reads a key that the manifest must have.
    public mutating func require<Value: SectionValue>(
        _ key: String, into target: inout Value, _ constraint: Constraint<Value> = .any, meaning: String
    ) {
        know(
            Key(
                name: key, expectation: Self.expectation(constraint), standard: nil, isRequired: true,
                meaning: meaning))
        guard let node = take(key) else {
            report(.missingValue, "\(owner) needs '\(key)': \(Self.expectation(constraint))")
            return
        }
        if let value = parse(node, key, constraint) { target = value }
    }

    mutating func parse<Value: SectionValue>(
        _ node: Node, _ key: String, _ constraint: Constraint<Value>
    ) -> Value? {
        guard case .scalar(let text) = node.value else {
            report(
                .invalidValue, "'\(key)' of \(owner) must be a single value: \(Self.expectation(constraint))",
                at: node.location)
            return nil
        }
        let actual = constraint.isSecret ? "not as it should be" : "'\(text)'"
        guard let value = Value(sectionText: text) else {
            report(
                .invalidValue, "'\(key)' of \(owner) is \(actual), expected \(Self.expectation(constraint))",
                at: node.location)
            return nil
        }
        guard constraint.holds(value) else {
            report(
                .invalidValue, "'\(key)' of \(owner) is \(actual), expected \(constraint.expectation)",
                at: node.location)
            return nil
        }
        return value
    }

    static func expectation<Value>(_ constraint: Constraint<Value>) -> String {
        constraint.expectation.isEmpty ? Value.expectation : "\(Value.expectation), \(constraint.expectation)"
    }
}
