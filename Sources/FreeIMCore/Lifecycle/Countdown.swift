import Synchronization

/// A gate that opens when so many have arrived.
final class Countdown: Sendable {
    let done = Gate()
    private let missing: Atomic<Int>

    /// - Parameter count: at least 1.
    init(_ count: Int) {
        missing = Atomic(count)
    }

    func arrive() {
        if missing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done.open() }
    }
}
