import InMemoryLogging
import Logging
import MetricsTestKit
import NIOCore
import Testing

@testable import FreeIMCore

@Suite("Loop lag")
struct LoopLagTests {
    /// A loop whose ticks come when the test says.
    private final class World {
        let metrics = TestMetrics()
        let log = InMemoryLogHandler()
        private let lag: LoopLag
        private var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

        init() {
            let log = log
            lag = LoopLag(
                of: 3, tick: .milliseconds(250), warning: .seconds(1), logger: Logger(label: "test") { _ in log },
                now: now, factory: metrics)
        }

        /// One tick that comes so late, and takes so long.
        func tick(late: TimeAmount, taking work: TimeAmount = .zero) {
            now = now + .milliseconds(250) + late
            lag.ticked(at: now)
            now = now + work
            lag.waits(from: now)
        }

        var recorded: [Int64] {
            get throws { try metrics.expectTimer("freeim_loop_lag_seconds", [("loop", "3")]).values }
        }

        var worst: Double? {
            get throws { try metrics.expectGauge("freeim_loop_lag_worst_seconds", [("loop", "3")]).lastValue }
        }
    }

    @Test("each tick's lateness is recorded; the time that the tick itself takes is not a part of it")
    func recorded() throws {
        let world = World()
        world.tick(late: .milliseconds(3), taking: .seconds(2))
        world.tick(late: .zero)
        world.tick(late: .milliseconds(-1))
        #expect(try world.recorded == [3_000_000, 0, 0])
    }

    @Test("the worst is remembered for 15 to 30 seconds")
    func worst() throws {
        let world = World()
        world.tick(late: .milliseconds(700))
        var ticks = 0
        while try world.worst == 0.7, ticks < 1_000 {
            world.tick(late: .milliseconds(1))
            ticks += 1
        }
        #expect((60...120).contains(ticks))
        #expect(try world.worst == 0.001)
    }

    @Test("a late loop is warned of, at most every ten seconds; one that is a little late is not")
    func warning() throws {
        let world = World()
        world.tick(late: .milliseconds(999))
        #expect(world.log.entries.isEmpty)
        for _ in 0..<8 { world.tick(late: .milliseconds(1_250)) }
        #expect(world.log.entries.count == 2)
        let entry = try #require(world.log.entries.first)
        #expect(entry.level == .warning)
        #expect(entry.metadata["loop"] == "3")
        #expect(entry.metadata["lag"] == "1250ms")
    }
}
