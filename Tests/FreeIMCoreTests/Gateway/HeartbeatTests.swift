import Testing

@testable import FreeIMCore

@Suite struct HeartbeatTests {
    @Test("a silent terminal is pinged after an interval, and given up after the pong's time behind it")
    func silence() {
        var heartbeat = Heartbeat(now: 100)
        let verdicts = [100, 109, 110, 112, 114, 115].map { heartbeat.look($0, interval: 10, pong: 5) }
        #expect(
            verdicts == [
                .wait(until: 110), .wait(until: 110), .ping(next: 115), .wait(until: 115), .wait(until: 115), .dead,
            ])
    }

    @Test("a sign of life begins the interval anew, an excuse the silence alone")
    func life() {
        var heartbeat = Heartbeat(now: 0)
        let first = heartbeat.look(10, interval: 10, pong: 5)
        heartbeat.seen(12)
        let second = heartbeat.look(15, interval: 10, pong: 5)
        let third = heartbeat.look(22, interval: 10, pong: 5)
        heartbeat.excuse(26)
        let fourth = heartbeat.look(27, interval: 10, pong: 5)
        let last = heartbeat.look(41, interval: 10, pong: 5)
        #expect([first, second, third] == [.ping(next: 15), .wait(until: 22), .ping(next: 27)])
        #expect([fourth, last] == [.wait(until: 37), .dead])
    }

    @Test("whoever is given a head start is pinged by so much earlier")
    func headStart() {
        var heartbeat = Heartbeat(now: 0)
        heartbeat.begin(100, headStart: 4)
        let verdicts = [105, 106].map { heartbeat.look($0, interval: 10, pong: 5) }
        #expect(verdicts == [.wait(until: 106), .ping(next: 111)])
    }
}
