/// Something that is measured: `make` prepares it and returns the function whose calls are timed and counted.
struct Benchmark {
    let name: String
    /// What the figures are for one of.
    let unit: String
    /// How many of these a call makes.
    let operations: Int
    /// What an operation reads or writes, where the cost goes by it.
    let bytes: Int?
    let make: () -> () -> Void

    /// - Parameter make: returns what repeats the same work with each call.
    init(
        _ name: String, per unit: String = "message", operations: Int = 1, bytes: Int? = nil,
        _ make: @escaping () -> () -> Void
    ) {
        self.name = name
        self.unit = unit
        self.operations = operations
        self.bytes = bytes
        self.make = make
    }

    /// Repeats a short operation, so that the call itself does not count.
    static func repeating(
        _ name: String, bytes: Int, times: Int = 64, _ make: @escaping () -> () -> Int
    ) -> Benchmark {
        Benchmark(name, operations: times, bytes: bytes) {
            let operation = make()
            return { for _ in 0..<times { consume(operation()) } }
        }
    }

    static var all: [Benchmark] { counting + envelopes + frames + wheel + rosters + routing + shards }
}

/// Uses a result, so that computing it is not in vain.
@inline(never)
@_optimize(none)
func consume(_ result: Int) {}
