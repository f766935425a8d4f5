@testable import FreeIMCore

extension Benchmark {
    /// Each entry comes due once in a turn and is added anew, as a heartbeat is.
    static var wheel: [Benchmark] {
        let entries = 15_000
        return [
            Benchmark("heartbeat wheel, a turn with 15,000", per: "entry", operations: entries) {
                var wheel = HeartbeatWheel()
                for index in 0..<entries {
                    wheel.add(SocketID(index: UInt32(index), generation: 0), due: Tick(index % 256))
                }
                return {
                    var due = 0
                    for _ in 0..<256 {
                        for entry in wheel.advance() {
                            wheel.add(entry.socket, due: wheel.now + 256)
                            due += 1
                        }
                    }
                    guard due == entries else { fatalError("\(due) of \(entries) entries came due") }
                }
            }
        ]
    }
}
