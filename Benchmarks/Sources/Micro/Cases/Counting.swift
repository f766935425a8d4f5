import CAllocations

extension Benchmark {
    /// A known number, so that the table shows that the counter counts.
    static var counting: [Benchmark] {
        [
            Benchmark("five allocations in C", per: "call") { { consume(Int(allocations_call_each())) } },
            Benchmark("one object and one array in Swift", per: "call") {
                {
                    let object = Object()
                    let array = [Int](repeating: object.number, count: 100)
                    array.withUnsafeBytes { allocations_escape($0.baseAddress) }
                    allocations_escape(Unmanaged.passUnretained(object).toOpaque())
                    consume(array.count + object.number)
                }
            },
        ]
    }

    private final class Object {
        let number = 1
    }
}
