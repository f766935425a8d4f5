public import NIOCore
import NIOConcurrencyHelpers

/// Keeps an event loop's thread busy until it is told to go on.
public final class BusyLoop: Sendable {
    private let mayGoOn = ConditionLock(value: false)

    /// Returns when the loop is busy.
    public init(_ eventLoop: any EventLoop) async {
        let mayGoOn = mayGoOn
        await withCheckedContinuation { continuation in
            eventLoop.execute {
                continuation.resume()
                mayGoOn.lock(whenValue: true)
                mayGoOn.unlock()
            }
        }
    }

    public func goOn() {
        mayGoOn.lock()
        mayGoOn.unlock(withValue: true)
    }

    deinit { goOn() }
}
