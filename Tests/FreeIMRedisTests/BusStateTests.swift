import NIOCore
import Testing

@testable import FreeIMRedis

@Suite("The state of the bus")
struct BusStateTests {
    private static let timeout = TimeAmount.seconds(3)

    private static func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(0) + .seconds(seconds) }

    private func state() -> BusState { BusState(timeout: Self.timeout) }

    @Test("is up with the first canary, and nobody missed it")
    func first() {
        var state = state()
        #expect(state.heard(now: Self.at(1)) == .up(after: nil))
        #expect(state.phase == .up)
        #expect(state.heard(now: Self.at(2)) == nil)
    }

    @Test("is lost once when canaries are overdue, and back with the next")
    func overdue() {
        var state = state()
        _ = state.heard(now: Self.at(0))
        state.sent(now: Self.at(1))
        state.sent(now: Self.at(2))
        #expect(state.look(now: Self.at(4) - .nanoseconds(1)) == nil)
        let reason = "no message of its own arrived within 3.0 seconds"
        #expect(state.look(now: Self.at(4)) == .lost(reason: reason, wasUp: true))
        #expect(state.look(now: Self.at(5)) == nil)
        #expect(state.disconnected("x", now: Self.at(6)) == nil)
        #expect(state.phase == .lost(since: Self.at(4)))
        #expect(state.heard(now: Self.at(10)) == .up(after: .seconds(6)))
    }

    @Test("misses no canary that was not sent")
    func asleep() {
        var state = state()
        state.sent(now: Self.at(1))
        _ = state.heard(now: Self.at(2))
        #expect(state.look(now: Self.at(60)) == nil)
        state.sent(now: Self.at(60))
        #expect(state.look(now: Self.at(61)) == nil)
        #expect(state.phase == .up)
    }

    @Test("is lost with its connection, for the connection's reason")
    func disconnected() {
        var state = state()
        _ = state.heard(now: Self.at(1))
        #expect(state.disconnected("reset", now: Self.at(2)) == .lost(reason: "reset", wasUp: true))
    }

    @Test("names what was noted last, unless a canary was heard since")
    func reasons() {
        var state = state()
        state.sent(now: Self.at(0))
        state.note("NOPERM")
        #expect(state.look(now: Self.at(3)) == .lost(reason: "NOPERM", wasUp: false))
        _ = state.heard(now: Self.at(4))
        state.sent(now: Self.at(5))
        guard case .lost(let reason, _)? = state.look(now: Self.at(9)) else {
            Issue.record("not lost")
            return
        }
        #expect(!reason.contains("NOPERM"))
    }

    @Test("is final once stopped")
    func stopped() {
        var state = state()
        state.stop()
        #expect(state.heard(now: Self.at(1)) == nil)
        #expect(state.look(now: Self.at(9)) == nil)
        #expect(state.disconnected("x", now: Self.at(9)) == nil)
        #expect(state.phase == .stopped)
    }
}
