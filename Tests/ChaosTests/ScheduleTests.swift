import Testing

@testable import chaos

@Suite("A schedule of faults")
struct ScheduleTests {
    @Test("is the same for the same seed, and another for another")
    func seeds() {
        let schedule = Schedule(seed: 7, time: .seconds(100), nodes: 3).description
        #expect(Schedule(seed: 7, time: .seconds(100), nodes: 3).description == schedule)
        #expect(Schedule(seed: 8, time: .seconds(100), nodes: 3).description != schedule)
    }

    @Test("begins as a longer one of its seed does, and takes about the time that it is given")
    func length() {
        let short = Schedule(seed: 7, time: .seconds(60), nodes: 3)
        let long = Schedule(seed: 7, time: .seconds(600), nodes: 3)
        #expect(long.description.hasPrefix(short.description))
        let planned = short.entries.reduce(Duration.zero) { $0 + $1.pause + $1.fault.time }
        #expect(planned > .seconds(35) && planned < .seconds(60))
    }

    @Test("has every kind of fault before any comes again")
    func kinds() {
        let first = Schedule(seed: 7, time: .seconds(600), nodes: 3).entries.prefix(Schedule.kinds).map(\.fault)
        #expect(first.count { if case .killNode = $0 { true } else { false } } == 2)
        #expect(first.count { if case .killRedis = $0 { true } else { false } } == 2)
        #expect(first.contains(.killConnections))
        #expect(first.contains { if case .cut = $0 { true } else { false } })
        #expect(first.contains { if case .logFull = $0 { true } else { false } })
        #expect(first.contains { if case .rough = $0 { true } else { false } })
    }
}
