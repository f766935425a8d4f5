import FreeIMTestSupport
import Testing

@testable import FreeIMCore

@Suite("Heartbeat wheel")
struct HeartbeatWheelTests {
    private func socket(_ index: UInt32) -> SocketID { SocketID(index: index, generation: 0) }

    /// The ticks at which each entry came.
    private func run(_ wheel: inout HeartbeatWheel, _ ticks: Int) -> [UInt32: [Tick]] {
        var came: [UInt32: [Tick]] = [:]
        for _ in 0..<ticks {
            for entry in wheel.advance() { came[entry.socket.index, default: []].append(wheel.now) }
        }
        return came
    }

    @Test("an entry comes at its tick, once, also in a later turn of the wheel")
    func due() {
        var wheel = HeartbeatWheel(spokes: 8)
        let due: [UInt32] = [1, 2, 7, 8, 9, 16, 17, 100]
        for due in due { wheel.add(socket(due), due: due) }
        #expect(run(&wheel, 200) == Dictionary(uniqueKeysWithValues: due.map { ($0, [$0]) }))
    }

    @Test("what is due now or before comes at the next tick")
    func past() {
        var wheel = HeartbeatWheel(spokes: 8)
        _ = run(&wheel, 5)
        for due in [0, 4, 5, 6] as [UInt32] { wheel.add(socket(due), due: due) }
        #expect(wheel.advance().count == 4)
        #expect(wheel.advance().isEmpty)
    }

    @Test("a socket may be entered several times")
    func several() {
        var wheel = HeartbeatWheel(spokes: 8)
        for due in [3, 5, 3] as [Tick] { wheel.add(socket(1), due: due) }
        #expect(run(&wheel, 20) == [1: [3, 3, 5]])
    }

    @Test("random entries come as from a list", arguments: 0..<5 as Range<UInt64>)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var wheel = HeartbeatWheel(spokes: 16)
        var list: [HeartbeatWheel.Entry] = []
        for number in 0..<400 as Range<UInt32> {
            let due = wheel.now + Tick.random(in: 1...60, using: &generator)
            wheel.add(socket(number), due: due)
            list.append(HeartbeatWheel.Entry(socket: socket(number), due: due))
            guard Bool.random(using: &generator) else { continue }
            let came = wheel.advance()
            #expect(Set(came.map(\.socket)) == Set(list.filter { $0.due == wheel.now }.map(\.socket)))
            list.removeAll { $0.due == wheel.now }
        }
    }
}
