import FreeIMTestSupport
import Testing

@testable import FreeIMCore

@Suite("UTF-8 validator")
struct UTF8ValidatorTests {
    /// RFC 3629 §4, rule by rule.
    private static let rules: [[ClosedRange<UInt8>]] = [
        [0x00...0x7F],
        [0xC2...0xDF, 0x80...0xBF],
        [0xE0...0xE0, 0xA0...0xBF, 0x80...0xBF],
        [0xE1...0xEC, 0x80...0xBF, 0x80...0xBF],
        [0xED...0xED, 0x80...0x9F, 0x80...0xBF],
        [0xEE...0xEF, 0x80...0xBF, 0x80...0xBF],
        [0xF0...0xF0, 0x90...0xBF, 0x80...0xBF, 0x80...0xBF],
        [0xF1...0xF3, 0x80...0xBF, 0x80...0xBF, 0x80...0xBF],
        [0xF4...0xF4, 0x80...0x8F, 0x80...0xBF, 0x80...0xBF],
    ]

    /// The edges of all ranges.
    private static let edges: [UInt8] = [
        0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
        0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]

    /// Whether one character can begin like this, and whether it is whole.
    private static func judge(_ bytes: [UInt8]) -> (isPossible: Bool, isWhole: Bool) {
        var isPossible = false
        for rule in rules where zip(rule, bytes).allSatisfy({ $0.contains($1) }) {
            if rule.count == bytes.count { return (true, true) }
            if rule.count > bytes.count { isPossible = true }
        }
        return (isPossible, false)
    }

    private static func validate(_ pieces: some Sequence<some Collection<UInt8>>) -> (isPossible: Bool, isWhole: Bool) {
        var validator = UTF8Validator()
        for piece in pieces {
            guard Array(piece).withUnsafeBytes({ validator.validate($0) }) else { return (false, false) }
        }
        return (true, validator.isComplete)
    }

    @Test("each beginning of a character is judged as RFC 3629 says")
    func beginnings() {
        var isWrong: [[UInt8]] = []
        for first in UInt8.min...UInt8.max {
            let one = [first]
            if Self.validate([one]) != Self.judge(one) { isWrong.append(one) }
            guard Self.judge(one).isPossible, !Self.judge(one).isWhole else { continue }
            for second in Self.edges {
                let two = one + [second]
                if Self.validate([two]) != Self.judge(two) { isWrong.append(two) }
                guard Self.judge(two).isPossible, !Self.judge(two).isWhole else { continue }
                for third in Self.edges {
                    let three = two + [third]
                    if Self.validate([three]) != Self.judge(three) { isWrong.append(three) }
                    guard Self.judge(three).isPossible, !Self.judge(three).isWhole else { continue }
                    for fourth in Self.edges {
                        let four = three + [fourth]
                        if Self.validate([four]) != Self.judge(four) { isWrong.append(four) }
                    }
                }
            }
        }
        #expect(isWrong == [])
    }

    @Test(
        "text with at most a few wrong bytes is judged as the library does, cut anywhere",
        arguments: 0..<8 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array(
            "az09 \u{E9}\u{3BA}\u{7FA4}\u{FFFD}\u{1F600}\u{10FFFF}\u{0}\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}")
        for _ in 0..<200 {
            var bytes = Array(
                String(
                    (0..<Int.random(in: 0..<40, using: &generator)).map { _ in
                        alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                    }
                ).utf8)
            if !bytes.isEmpty, Bool.random(using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: .min ... .max, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0x80 ... .max, using: &generator), at: index)
                }
            }
            let isValid = String(validating: bytes, as: UTF8.self) != nil
            let cut = Int.random(in: 0...bytes.count, using: &generator)
            let verdict = Self.validate([bytes[..<cut], bytes[cut...]])
            #expect((verdict.isPossible && verdict.isWhole) == isValid, "\(bytes)")
            #expect(Self.validate(bytes.map { [$0] }) == Self.validate([bytes]), "\(bytes)")
        }
    }

    @Test("a wrong byte is found wherever it stands among ASCII", arguments: 0..<24)
    func amongASCII(index: Int) {
        var bytes = Array(repeating: UInt8(ascii: "a"), count: 24)
        bytes[index] = 0xFF
        #expect(!Self.validate([bytes]).isPossible)
    }
}
