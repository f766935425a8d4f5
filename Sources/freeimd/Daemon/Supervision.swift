import FreeIMCore
import Logging

/// Keeps the service manager informed: ready, stopping, what the node does, and that every event loop turns.
struct Supervision {
    let notifier: ServiceNotifier
    let lifecycle: NodeLifecycle
    let pulses: [LoopPulse]
    let settings: Settings
    let logger: Logger

    struct Settings: Equatable {
        /// Between two looks at the event loops.
        var interval = Duration.seconds(10)
        /// Whether a node that gives no sign of life is started anew.
        var isWatched = false
        /// How long stopping may take.
        var shutdownTimeout = Duration.seconds(30)

        /// Longer than `shutdown_timeout`, which cuts by itself.
        var patience: Duration { shutdownTimeout + .seconds(5) }

        /// sd_watchdog_enabled(3): `WATCHDOG_USEC` in microseconds, meant for the process `WATCHDOG_PID`; a sign of life
        /// comes twice as often.
        init(environment: [String: String], process: Int32, shutdownTimeout: Duration) {
            self.shutdownTimeout = shutdownTimeout
            guard let timeout = environment["WATCHDOG_USEC"].flatMap(Int64.init), timeout > 0,
                environment["WATCHDOG_PID"].map({ $0 == "\(process)" }) ?? true
            else { return }
            interval = .microseconds(timeout) / 2
            isWatched = true
        }
    }

    /// Ends when it is cancelled.
    func run() async {
        notifier.tell("STATUS=\(status)")
        await withDiscardingTaskGroup { group in
            group.addTask {
                guard (try? await lifecycle.serving.wait()) != nil else { return }
                notifier.tell("READY=1", "STATUS=\(status)")
            }
            group.addTask {
                guard (try? await lifecycle.leaving.wait()) != nil else { return }
                notifier.tell(
                    "STOPPING=1", "STATUS=\(status)",
                    "EXTEND_TIMEOUT_USEC=\(Int64(settings.patience / .microseconds(1)))")
            }
            await watch()
            group.cancelAll()
        }
    }

    /// A sign of life per interval, as long as every loop has turned within it.
    private func watch() async {
        while true {
            for pulse in pulses { pulse.ask() }
            guard (try? await Task.sleep(for: settings.interval)) != nil else { return }
            let hung = pulses.filter { !$0.hasAnswered }
            guard hung.isEmpty else {
                logger.error(
                    "event loops hang: look for a module that blocks",
                    metadata: ["loops": "\(hung.map(\.number))", "for": "\(settings.interval)"])
                continue
            }
            if settings.isWatched {
                notifier.tell("WATCHDOG=1", "STATUS=\(status)")
            } else {
                notifier.tell("STATUS=\(status)")
            }
        }
    }

    private var status: String {
        let connections = pulses.reduce(0) { $0 + $1.connections }
        return switch lifecycle.phase {
        case .starting: "waiting for transport, presence and authentication"
        case .serving: "serving \(connections) connections"
        case .leaving: "stopping, \(connections) connections left"
        }
    }
}
