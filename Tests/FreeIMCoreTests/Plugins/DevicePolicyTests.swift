import Testing

@testable import FreeIMCore

@Suite("Device policies")
struct DevicePolicyTests {
    private func policy(
        _ connections: Int = 0, _ reaction: DevicePolicy.Reaction = .closeOldest, classes: [String: Int] = [:]
    ) -> DevicePolicy {
        var policy = DevicePolicy()
        policy.connectionsPerClient = connections
        policy.reaction = reaction
        policy.classes = classes
        return policy
    }

    @Test("without a limit nothing is too many")
    func none() {
        #expect(!policy().isActive)
        #expect(policy().excess(["phone", nil, "phone"]) == [])
    }

    @Test("beyond the client's limit the oldest are too many, or the newest")
    func client() {
        #expect(policy(2).excess([nil, nil]) == [])
        #expect(policy(2).excess([nil, "x", nil, "x"]) == [1, 0])
        #expect(policy(2, .denyNew).excess([nil, "x", nil, "x"]) == [3, 2])
    }

    @Test("beyond a class' limit the oldest of the class are, whatever the reaction")
    func classes() {
        for reaction in DevicePolicy.Reaction.allCases {
            let policy = policy(0, reaction, classes: ["phone": 1])
            #expect(policy.excess(["phone", "tv", "phone", nil, "tv", "phone"]) == [2, 0])
        }
    }

    @Test("what a class' limit closes is no longer one too many of the client")
    func both() {
        #expect(policy(2, .denyNew, classes: ["phone": 1]).excess(["phone", nil, "phone"]) == [0])
        #expect(policy(2, classes: ["phone": 1]).excess(["phone", nil, "phone", nil]) == [0, 1])
    }

    @Test("a class is a name that a token can have")
    func names() {
        var section = Section(
            owner: "presence.x",
            mapping: .init(
                .mapping([
                    (
                        "classes", Self.place,
                        .init(.mapping([("", Self.place, .init(.scalar("1"), at: Self.place))]), at: Self.place)
                    )
                ]), at: Self.place), at: Self.place)
        var policy = DevicePolicy()
        policy.read(from: &section)
        #expect(
            section.finish().map(\.message) == [
                "'classes' names '', but a class has 1 to 64 bytes of UTF-8 without control characters"
            ])
    }

    private static let place = SourceLocation(file: "x.yaml", line: 1, column: 1)
}

@Suite("Sections: mappings")
struct SectionMappingTests {
    private static let place = SourceLocation(file: "x.yaml", line: 1, column: 1)

    private func read(_ value: Section.Node.Value) -> (values: [String: Int], mistakes: [String]) {
        var section = Section(
            owner: "x",
            mapping: .init(.mapping([("limits", Self.place, .init(value, at: Self.place))]), at: Self.place),
            at: Self.place)
        var values = ["default": 1]
        section.read("limits", into: &values, .range(1...9), "Limits.")
        return (values, section.finish().map(\.message))
    }

    private func pairs(_ pairs: (String, String)...) -> Section.Node.Value {
        .mapping(pairs.map { ($0.0, Self.place, .init(.scalar($0.1), at: Self.place)) })
    }

    @Test("a mapping replaces the default")
    func values() {
        #expect(read(pairs(("a", "1"), ("b", "9"))) == (["a": 1, "b": 9], []))
        #expect(read(.null) == (["default": 1], []))
    }

    @Test("each wrong value is told by its name")
    func mistakes() {
        let (values, mistakes) = read(pairs(("a", "0"), ("b", "x"), ("c", "3"), ("c", "4")))
        #expect(values == ["c": 3])
        #expect(
            mistakes == [
                "'limits.a' of x is '0', expected 1 to 9", "'limits.b' of x is 'x', expected a whole number, 1 to 9",
                "'limits' of x names 'c' twice; keep one",
            ])
    }

    @Test("a list is no mapping")
    func shape() {
        #expect(
            read(.list([])).mistakes == [
                "'limits' of x must be a mapping of names to a whole number, 1 to 9: '{ name: value }'"
            ])
    }

    @Test("it is described with what it expects")
    func description() {
        var section = Section(recordingFor: "x")
        var values = ["b": 2, "a": 1]
        section.read("limits", into: &values, .range(1...9), "Limits.")
        #expect(section.keys.first?.expectation == "a mapping of names to a whole number, 1 to 9")
        #expect(section.keys.first?.standard == "a: 1, b: 2")
        _ = section.finish()
    }
}
