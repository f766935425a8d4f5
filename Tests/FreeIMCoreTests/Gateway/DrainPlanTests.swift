import Testing

@testable import FreeIMCore

@Suite("Drain plan")
struct DrainPlanTests {
    private func plan(_ count: Int, rate: Int, within time: Duration?) -> DrainPlan {
        DrainPlan(count: count, rate: rate, within: time, closeTimeout: .seconds(5))
    }

    @Test("connections are let go at the rate that was asked for")
    func rate() {
        let plan = plan(10_000, rate: 2_000, within: .seconds(30))
        #expect((plan.ticks, plan.rate, plan.isRaised) == (20, 2_000, false))
        #expect(self.plan(10_000, rate: 1, within: nil).ticks == 40_000)
    }

    @Test("few connections, or a rate of 0, are let go at once", arguments: [(400, 2_000), (1_000_000, 0), (0, 10)])
    func atOnce(count: Int, rate: Int) {
        #expect(plan(count, rate: rate, within: .seconds(30)).ticks <= 1)
    }

    @Test("where the time is too short the rate is raised, and time is left for answers")
    func raised() {
        let plan = plan(100_000, rate: 2_000, within: .seconds(30))
        // 24 s: 5 s are for the last one's answer, 1 s for what it leaves behind.
        #expect((plan.ticks, plan.rate, plan.isRaised) == (96, 4_167, true))
        // Half of the time at most is for answers.
        #expect(self.plan(100, rate: 1, within: .seconds(4)).ticks == 8)
    }

    @Test("without time left all are let go at once", arguments: [Duration.zero, .seconds(-3)])
    func noTime(time: Duration) {
        let plan = plan(100, rate: 10, within: time)
        #expect((plan.ticks, plan.isRaised) == (1, true))
    }

    @Test("who is let go faster than the rate comes back over the time that is missing, within bounds")
    func spread() {
        #expect(plan(10_000, rate: 2_000, within: nil).spread == .seconds(2))
        #expect(plan(100_000, rate: 2_000, within: .seconds(30)).spread == .seconds(26))
        #expect(plan(20_000, rate: 0, within: nil).spread == .seconds(10))
        #expect(plan(1_000_000, rate: 0, within: nil).spread == .seconds(60))
    }
}
