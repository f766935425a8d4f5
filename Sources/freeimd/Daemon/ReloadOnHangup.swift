import FreeIMCore
import Logging
import ServiceLifecycle
import UnixSignals

/// On SIGHUP, asks the modules to read again what lies outside the manifest. First of the node's services, so that the
/// signal is harmless until the last of them has stopped.
struct ReloadOnHangup: Service, CustomStringConvertible {
    let modules: [(id: ModuleID, module: any Reloads)]
    let logger: Logger

    var description: String { "reload" }

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() { await reload() }
    }

    func reload() async {
        for (id, module) in modules {
            do throws(ModuleError) {
                try await module.reload()
                logger.info("reloaded", metadata: [LogKey.module: "\(id)"])
            } catch {
                logger.error(
                    "reload failed, what was read before stays in use",
                    metadata: [LogKey.module: "\(id)", LogKey.error: "\(error)"])
            }
        }
    }
}
