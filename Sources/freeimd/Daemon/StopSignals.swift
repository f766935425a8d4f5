import FreeIMCore
import Logging
import ServiceLifecycle
import UnixSignals

/// SIGTERM and SIGINT: the first stops the node politely, the second hurries, the third cuts.
///
/// A `ServiceGroup` by itself hears the first alone.
struct StopSignals {
    let lifecycle: NodeLifecycle
    let logger: Logger

    private enum End {
        case services
        case cut
    }

    /// Runs the services until they end, or are cut.
    func run(_ services: ServiceGroup) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: End.self) { group in
            group.addTask {
                try await services.run()
                return .services
            }
            group.addTask { await heed(signals, services) }
            defer { group.cancelAll() }
            guard try await group.next() == .cut else { return }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private func heed(_ signals: UnixSignalsSequence, _ services: ServiceGroup) async -> End {
        var count = 0
        for await signal in signals {
            count += 1
            switch count {
            case 1:
                logger.info("stopping", metadata: ["signal": "\(signal)"])
                await services.triggerGracefulShutdown()
            case 2:
                logger.notice("stopping in a hurry", metadata: ["signal": "\(signal)"])
                lifecycle.hurry()
            default:
                logger.warning("stopping at once, whatever is under way", metadata: ["signal": "\(signal)"])
                return .cut
            }
        }
        // Cancelled, since the services have ended.
        return .services
    }
}
