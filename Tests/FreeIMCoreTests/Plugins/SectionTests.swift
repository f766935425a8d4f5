import FreeIMCore
import Testing

@Suite struct SectionTests {
    private enum Colour: String, SectionValue, CaseIterable { case red, green }

    private struct Paint: ModuleConfiguration {
        var colour = Colour.red
        var coats = 2
        var label: String?
        var tools: [String] = ["brush"]
        var dry = Duration.seconds(90)

        mutating func read(from section: inout Section) {
            section.read("colour", into: &colour, "What is seen.")
            section.read("coats", into: &coats, .range(1...5), "How often.")
            section.read("label", into: &label, "What it is called.")
            section.read("tools", into: &tools, .custom("not a hammer") { $0 != "hammer" }, "With what.")
            section.read("dry", into: &dry, .atLeast(.seconds(1)), "How long it dries.")
        }
    }

    private static let place = SourceLocation(file: "m.yaml", line: 3, column: 5)

    private func read(_ pairs: [(String, Section.Node.Value)]) -> (Paint, [String]) {
        let nodes = pairs.enumerated().map { index, pair in
            let place = SourceLocation(file: "m.yaml", line: 4 + index, column: 7)
            return (key: pair.0, keyLocation: place, value: Section.Node(pair.1, at: place))
        }
        var section = Section(
            owner: "message.paint", mapping: Section.Node(.mapping(nodes), at: Self.place), at: Self.place)
        var paint = Paint()
        paint.read(from: &section)
        return (paint, section.finish().map(\.description))
    }

    @Test("What the manifest does not have keeps its default")
    func defaults() {
        let (paint, problems) = read([])
        #expect(problems.isEmpty)
        #expect(paint.colour == .red && paint.coats == 2 && paint.label == nil && paint.tools == ["brush"])
    }

    @Test("What the manifest has overwrites the default; a key without a value does not")
    func values() {
        let (paint, problems) = read([
            ("colour", .scalar("green")), ("coats", .null), ("label", .scalar("x")), ("dry", .scalar("5m")),
            ("tools", .list([Section.Node(.scalar("roll"), at: Self.place), Section.Node(.null, at: Self.place)])),
        ])
        #expect(problems.isEmpty)
        #expect(paint.colour == .green && paint.coats == 2 && paint.label == "x" && paint.dry == .seconds(300))
        #expect(paint.tools == ["roll"])
    }

    @Test("A single value counts as a list of one")
    func single() {
        #expect(read([("tools", .scalar("roll"))]).0.tools == ["roll"])
    }

    @Test("All mistakes of a section are told, each at its place")
    func mistakes() {
        let (_, problems) = read([
            ("colour", .scalar("blue")), ("coats", .scalar("6")), ("label", .list([])), ("tools", .scalar("hammer")),
            ("dry", .scalar("10")), ("coat", .scalar("1")), ("coats", .scalar("3")),
        ])
        #expect(
            problems == [
                "m.yaml:10:7: key 'coats' stands twice, first in line 5; keep one",
                "m.yaml:4:7: 'colour' of message.paint is 'blue', expected one of red, green",
                "m.yaml:5:7: 'coats' of message.paint is '6', expected 1 to 5",
                "m.yaml:6:7: 'label' of message.paint must be a single value: a text",
                "m.yaml:7:7: 'tools' of message.paint is 'hammer', expected not a hammer",
                """
                m.yaml:8:7: 'dry' of message.paint is '10', expected a duration like 250ms, 10s, 5m or 1h, at least 1s
                """,
                "m.yaml:9:7: unknown key 'coat' of message.paint; did you mean 'coats'?",
            ])
    }

    @Test("A recording section knows every key with its default, and finds nothing missing")
    func recording() {
        var section = Section(recordingFor: "message.paint")
        var paint = Paint()
        paint.read(from: &section)
        var name = ""
        section.require("name", into: &name, meaning: "Who.")
        #expect(section.keys.map(\.name) == ["colour", "coats", "label", "tools", "dry", "name"])
        #expect(section.keys.map(\.standard) == ["red", "2", nil, "brush", "90s", nil])
        #expect(section.keys.map(\.isRequired) == [false, false, false, false, false, true])
        #expect(section.finish().isEmpty)
    }

    @Test(
        "Durations have a unit",
        arguments: [
            ("250ms", Duration.milliseconds(250)), ("10s", .seconds(10)), ("5m", .seconds(300)),
            ("1h", .seconds(3_600)),
            ("0s", .zero), ("10", nil), ("s", nil), ("-1s", nil), ("1.5s", nil), ("99999999999999999999s", nil),
        ])
    func durations(_ text: String, _ duration: Duration?) {
        #expect(Duration(sectionText: text) == duration)
        if let duration { #expect(Duration(sectionText: duration.sectionText) == duration) }
    }

    @Test(
        "Numbers of bytes have binary units or none",
        arguments: [
            ("1000", 1_000), ("64KiB", 65_536), ("1MiB", 1_048_576), ("2GiB", 2_147_483_648), ("0", 0), ("1kB", nil),
            ("-1", nil), ("9999999999999GiB", nil), ("KiB", nil),
        ])
    func bytes(_ text: String, _ count: Int?) {
        #expect(ByteCount(sectionText: text)?.bytes == count)
    }

    @Test(
        "Addresses are host and port",
        arguments: [
            ("127.0.0.1:6001", "127.0.0.1:6001", true), ("[::1]:1", "[::1]:1", true),
            ("localhost:0", "localhost:0", true), (":6001", "0.0.0.0:6001", false),
            ("im.test:80", "im.test:80", false), ("127.evil.test:80", "127.evil.test:80", false),
            ("::1:80", nil, false), ("127.0.0.1", nil, false), ("a:65536", nil, false), ("a b:1", nil, false),
            ("[]:1", nil, false),
        ])
    func addresses(_ text: String, _ address: String?, _ isLoopback: Bool) {
        let parsed = ListenAddress(sectionText: text)
        #expect(parsed?.description == address)
        #expect((parsed?.isLoopback ?? false) == isLoopback)
    }

    private typealias Pair = (key: String, keyLocation: FreeIMCore.SourceLocation, value: Section.Node)

    @Test("No message quotes the value of a secret, of the wrong type or not")
    func secrets() {
        func pair(_ key: String, _ value: Section.Node.Value) -> Pair {
            (key: key, keyLocation: Self.place, value: Section.Node(value, at: Self.place))
        }
        let nodes = [
            pair("pin", .scalar("hunter2")), pair("word", .scalar("hunter2")),
            pair("keys", .list([Section.Node(.scalar("hunter2"), at: Self.place)])),
            pair("map", .mapping([pair("hunter2", .scalar("hunter2"))])),
        ]
        var section = Section(
            owner: "auth.x", mapping: Section.Node(.mapping(nodes), at: Self.place), at: Self.place)
        var (pin, word, map, keys) = (0, "", "", [String]())
        let long = Constraint<String>.custom("at least 8 characters") { $0.count >= 8 }.secret
        section.read("pin", into: &pin, .secret, "A number.")
        section.read("word", into: &word, long, "A word.")
        section.read("keys", into: &keys, long, "Words.")
        section.read("map", into: &map, long, "A word.")
        let problems = section.finish().map(\.message)
        #expect(
            problems == [
                "'pin' of auth.x is not as it should be, expected a whole number",
                "'word' of auth.x is not as it should be, expected at least 8 characters",
                "'keys' of auth.x is not as it should be, expected at least 8 characters",
                "'map' of auth.x must be a single value: a text, at least 8 characters",
            ])
    }
}
