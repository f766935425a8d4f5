/// How often each key came lately: the counts of this window and, in the share that still counts, of the one before.
///
/// Nothing is kept for longer than two windows, and no more than `limit` keys per window; further ones are not counted, so
/// that an attacker with many addresses cannot use up memory.
struct WindowedCounts<Key: Hashable & Sendable>: Sendable {
    /// Nanoseconds.
    private let window: UInt64
    private let limit: Int
    private var number: UInt64 = 0
    private var current: [Key: UInt32] = [:]
    private var previous: [Key: UInt32] = [:]

    init(window: Duration, limit: Int = 65_536) {
        self.window = UInt64(max(1, window.nanoseconds))
        self.limit = limit
    }

    /// Keys of both windows.
    var keyCount: Int { current.count + previous.count }

    /// Counts once more, and returns how often within the last window.
    ///
    /// - Parameter now: nanoseconds of a clock that never goes back.
    mutating func add(_ key: Key, now: UInt64) -> Int {
        advance(to: now)
        if let count = current[key] {
            current[key] = count &+ 1
        } else if current.count < limit {
            current[key] = 1
        }
        return count(of: key, now: now)
    }

    mutating func count(of key: Key, now: UInt64) -> Int {
        advance(to: now)
        let rest = window - now % window
        let before = UInt64(previous[key] ?? 0) * rest / window
        return Int(current[key] ?? 0) + Int(before)
    }

    private mutating func advance(to now: UInt64) {
        let number = now / window
        guard number > self.number else { return }
        previous = number == self.number + 1 ? current : [:]
        current = [:]
        self.number = number
    }
}

extension Duration {
    /// Cut off at what 64 bits hold, 292 years.
    fileprivate var nanoseconds: Int64 {
        let (product, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product + components.attoseconds / 1_000_000_000
    }
}
