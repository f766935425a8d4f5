import CoreMetrics
import Dispatch
import FreeIMCore
import Foundation
import Synchronization

/// Where the log goes: a descriptor whose other end may be full, slow or gone. Whoever logs never waits for it.
///
/// Lines wait in memory, up to a limit; one thread at a time writes them, as long as there are some. Lines for which there
/// was no room, or that could not be written, are counted; one line says how many, once lines are taken again.
final class LogOutput: TextOutputStream, Sendable {
    private struct Pending {
        var bytes: [UInt8] = []
        /// The lines in ``bytes``.
        var lines = 0
        /// Those that a line among them says to be lost.
        var toldLost = 0
    }

    private struct State {
        var pending = Pending()
        var lost = 0
        var isWriting = false
    }

    /// Bytes that wait. About 7,000 lines: the start of a node, an outage of Redis and the shutdown together are fewer.
    static let limit = 1 << 20

    private let descriptor: Int32
    private let limit: Int
    private let lostLines: Counter
    private let state = Mutex(State())
    private let writing = DispatchGroup()
    private let queue = DispatchQueue(label: "freeimd.log")
    /// What was written last was not the end of a line. Of ``queue``.
    private let isWithinLine = Mutex(false)

    init(
        descriptor: Int32, limit: Int = LogOutput.limit, factory: any MetricsFactory = MetricsSystem.factory
    ) {
        self.descriptor = descriptor
        self.limit = limit
        lostLines = Counter(label: "freeim_log_lines_lost_total", factory: factory)
    }

    func write(_ line: String) {
        let isLost = state.withLock { state in
            guard state.pending.bytes.count + line.utf8.count <= limit else {
                state.lost += 1
                return true
            }
            Self.tellLost(&state)
            state.pending.bytes += line.utf8
            state.pending.lines += 1
            guard !state.isWriting else { return false }
            state.isWriting = true
            writing.enter()
            queue.async { self.writeAll() }
            return false
        }
        if isLost { lostLines.increment() }
    }

    /// Waits until all is written; false where that takes too long.
    func flush(within deadline: DispatchTimeInterval) -> Bool {
        writing.wait(timeout: .now() + deadline) == .success
    }

    private static func tellLost(_ state: inout State) {
        guard state.lost > 0 else { return }
        let time = Date.now.formatted(.iso8601)
        let line =
            "\(time) warning freeimd: \(LogKey.count)=\(state.lost) [FreeIMDaemon] log lines lost: nobody took them\n"
        state.pending.bytes += line.utf8
        state.pending.toldLost += state.lost
        state.lost = 0
    }

    private func writeAll() {
        var wasWritten = true
        while let pending = next(wasWritten: wasWritten) {
            wasWritten = writeOut(pending.bytes)
            guard !wasWritten else { continue }
            state.withLock { $0.lost += pending.lines + pending.toldLost }
            lostLines.increment(by: pending.lines)
        }
        writing.leave()
    }

    /// nil where there is nothing, or nothing but news of a loss that could not be written either.
    private func next(wasWritten: Bool) -> Pending? {
        state.withLock { state in
            if wasWritten, state.pending.bytes.isEmpty { Self.tellLost(&state) }
            guard !state.pending.bytes.isEmpty else {
                state.isWriting = false
                return nil
            }
            defer { state.pending = Pending() }
            return state.pending
        }
    }

    /// False where it could not be written to its end.
    private func writeOut(_ bytes: [UInt8]) -> Bool {
        var rest = (isWithinLine.withLock { $0 } ? [UInt8(ascii: "\n")] : []) + bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                isWithinLine.withLock { $0 = rest[count - 1] != UInt8(ascii: "\n") }
                rest.removeFirst(count)
            } else if count < 0, errno == EAGAIN {
                // Somebody who shares the descriptor has made it non-blocking.
                var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&room, 1, -1)
            } else if count == 0 || errno != EINTR {
                return false
            }
        }
        return true
    }
}
