import NIOCore

/// The one timer of a connection or queue: fires no later than asked for, on its event loop. Not thread-safe.
final class LoopTimer {
    private let eventLoop: any EventLoop
    private var due: NIODeadline?
    private var scheduled: Scheduled<Void>?
    private var action: (() -> Void)?

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// What to do when the time has come; kept until ``cancel()``.
    func start(_ action: @escaping () -> Void) {
        self.action = action
    }

    /// Fires at `deadline`, unless it is to fire earlier anyway: a deadline that has moved back costs one idle call.
    func fire(noLaterThan deadline: NIODeadline) {
        guard action != nil else { return }
        if let due, due <= deadline { return }
        scheduled?.cancel()
        due = deadline
        // Neither this nor the closure is Sendable; both are of this loop, which is checked.
        scheduled = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in self?.fire() }
    }

    func cancel() {
        scheduled?.cancel()
        scheduled = nil
        due = nil
        action = nil
    }

    private func fire() {
        due = nil
        scheduled = nil
        action?()
    }
}
