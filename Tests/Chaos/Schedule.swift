import FreeIMTestSupport

/// Faults and the pauses before them: the same for the same seed.
struct Schedule {
    struct Entry {
        let pause: Duration
        let fault: Fault
    }

    let entries: [Entry]

    /// As many faults as fill the time, every kind once before any comes again.
    init(seed: UInt64, time: Duration, nodes: Int) {
        var generator = SeededGenerator(seed: seed)
        var entries: [Entry] = []
        var deck: [Int] = []
        var planned = Duration.zero
        while true {
            if deck.isEmpty { deck = Array(0..<Self.kinds).shuffled(using: &generator) }
            let fault = Self.fault(deck.removeLast(), nodes: nodes, &generator)
            let pause = Duration.milliseconds(Int.random(in: 500...2_500, using: &generator))
            planned += pause + fault.time + Self.recovery
            guard planned <= time || entries.isEmpty else { break }
            entries.append(Entry(pause: pause, fault: fault))
        }
        self.entries = entries
    }

    /// What the cluster needs after a fault, on average.
    private static let recovery = Duration.seconds(1)
    static let kinds = 15

    private static func fault(_ kind: Int, nodes: Int, _ generator: inout SeededGenerator) -> Fault {
        let node = Int.random(in: 0..<nodes, using: &generator)
        let short = Duration.milliseconds(Int.random(in: 200...900, using: &generator))
        let medium = Duration.milliseconds(Int.random(in: 500...3_000, using: &generator))
        let long = Duration.milliseconds(Int.random(in: 3_000...7_000, using: &generator))
        return switch kind {
        case 0: .killNode(node, short)
        case 1: .killNode(node, long)
        case 2: .stopNode(node, short)
        case 3: .stopNode(node, long)
        case 4: .killRedis(isEmpty: true, medium)
        case 5: .killRedis(isEmpty: false, medium)
        case 6: .stopRedis(Bool.random(using: &generator) ? short : long)
        case 7: .killConnections
        case 8: .delay(node, by: .milliseconds(Int.random(in: 20...300, using: &generator)), medium)
        case 9: .cut(node, medium)
        case 10: .stall(node, Bool.random(using: &generator) ? short : long)
        case 11:
            .stallOneWay(
                node, Direction.allCases.randomElement(using: &generator) ?? .toNode,
                Bool.random(using: &generator) ? short : long)
        case 12: .rough(node, long)
        case 13: .logFull(node, medium)
        default: .clockJump(.seconds(Bool.random(using: &generator) ? 3_600 : -3_600))
        }
    }
}

extension Schedule: CustomStringConvertible {
    var description: String {
        entries.enumerated()
            .map { "  \($0 + 1). after \($1.pause.text): \($1.fault)" }
            .joined(separator: "\n")
    }
}
