import Synchronization

/// A bounded queue from any thread to one task, taken in batches.
package final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var waiter: CheckedContinuation<Void, Never>?
        var isFinished = false
    }

    /// Elements beyond which ``offer(_:)`` refuses.
    package let limit: Int
    private let state = Mutex(State())

    package init(limit: Int) {
        self.limit = limit
    }

    package var count: Int { state.withLock { $0.elements.count } }

    /// Adds an element. False where the mailbox is full or finished; the element is not taken then.
    package func offer(_ element: Element) -> Bool {
        let (taken, waiter) = state.withLock { state in
            guard !state.isFinished, state.elements.count < limit else {
                return (false, nil as CheckedContinuation<Void, Never>?)
            }
            state.elements.append(element)
            defer { state.waiter = nil }
            return (true, state.waiter)
        }
        waiter?.resume()
        return taken
    }

    /// All that is there, at least one element; nil when the mailbox is finished and empty, or the task cancelled.
    /// Only one task at a time may wait.
    package func next() async -> [Element]? {
        while true {
            let (batch, isFinished) = state.withLock { state in
                defer { state.elements = [] }
                return (state.elements, state.isFinished)
            }
            if !batch.isEmpty { return batch }
            if isFinished || Task.isCancelled { return nil }
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isIdle = state.withLock { state in
                        guard state.elements.isEmpty, !state.isFinished, !Task.isCancelled else { return false }
                        state.waiter = continuation
                        return true
                    }
                    if !isIdle { continuation.resume() }
                }
            } onCancel: {
                wake()
            }
        }
    }

    /// Takes nothing more; what is there can still be taken out.
    package func finish() {
        state.withLock { $0.isFinished = true }
        wake()
    }

    private func wake() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
