import CoreMetrics
import Dispatch
import FreeIMAPI
import FreeIMCore
import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// What the commands do. Knows no process: arguments, environment and outputs are given.
struct Program: Sendable {
    let catalog: ModuleCatalog
    let environment: [String: String]
    let output: @Sendable (String) -> Void
    let errors: @Sendable (String) -> Void

    /// `EX_CONFIG` of BSD's sysexits.
    static let configurationError: Int32 = 78

    /// The manifest's text and its name in messages.
    private struct Source {
        let name: String
        let text: String
    }

    // MARK: run

    func run(file: String?, logLevel: Logger.Level?) async -> Int32 {
        // Before anything makes a metric.
        MetricsSystem.bootstrap(PrometheusRegistry())
        let log = LogOutput(descriptor: STDERR_FILENO)
        defer { _ = log.flush(within: Self.patienceForLog) }
        var logger = Logger(label: "freeimd") { StreamLogHandler(label: $0, stream: log) }
        let assembly: Assembly
        do throws(ManifestErrors) {
            let source = try self.source(file)
            let plan = try plan(source)
            logger.logLevel = logLevel ?? plan.settings.logLevel.level
            logger.info("manifest read", metadata: ["manifest": "\(source.name)"])
            for warning in plan.warnings { logger.warning("needs attention", metadata: [LogKey.reason: "\(warning)"]) }
            MallocArenas.limit(to: plan.settings.eventLoops, environment: environment)
            NIOSingletons.groupLoopCountSuggestion = plan.settings.eventLoops
            assembly = try Assembly(plan, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger)
        } catch {
            _ = log.flush(within: Self.patienceForLog)
            return report(error)
        }
        logger.info(
            "starting",
            metadata: [
                "version": "\(Version.current)", LogKey.node: "\(assembly.node.identity.name)",
                "modules": "\(assembly.modules.map(\.description).joined(separator: " "))",
            ])
        do {
            try await run(assembly, logger)
        } catch {
            if log.flush(within: Self.patienceForLog) { errors("freeimd: \(error)") }
            return 1
        }
        logger.info("stopped")
        return 0
    }

    /// At the end, for whoever reads the log.
    private static let patienceForLog = DispatchTimeInterval.seconds(2)

    private func run(_ assembly: Assembly, _ logger: Logger) async throws {
        var quiet = logger
        if quiet.logLevel > .debug { quiet.logLevel = max(quiet.logLevel, .warning) }
        var configuration = ServiceGroupConfiguration(
            services: [.init(service: ReloadOnHangup(modules: assembly.reloads, logger: logger))]
                + assembly.services.map { .init(service: $0.service, serviceName: $0.id) },
            logger: quiet)
        configuration.maximumGracefulShutdownDuration = assembly.settings.shutdownTimeout
        let services = ServiceGroup(configuration: configuration)
        let descriptors = Descriptors.raised()
        if let problem = descriptors.problem(connections: assembly.maximumConnections) {
            logger.warning("too few descriptors", metadata: [LogKey.reason: "\(problem)"])
        }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await descriptors.run() }
                if let supervision = supervision(of: assembly, logger) { group.addTask { await supervision.run() } }
                defer { group.cancelAll() }
                try await StopSignals(lifecycle: assembly.node.lifecycle, logger: logger).run(services)
            }
        } catch is CancellationError {
            // Out of time, or a third signal; who was cut is in the log.
        }
    }

    /// nil where nobody wants to be told.
    private func supervision(of assembly: Assembly, _ logger: Logger) -> Supervision? {
        guard let notifier = ServiceNotifier(environment: environment) else { return nil }
        let settings = Supervision.Settings(
            environment: environment, process: ProcessInfo.processInfo.processIdentifier,
            shutdownTimeout: assembly.settings.shutdownTimeout)
        return Supervision(
            notifier: notifier, lifecycle: assembly.node.lifecycle, pulses: assembly.node.shards.map(LoopPulse.init),
            settings: settings, logger: logger)
    }

    // MARK: check

    func check(file: String?) -> Int32 {
        do throws(ManifestErrors) {
            let source = try self.source(file)
            let plan = try plan(source)
            let assembly = try Assembly(plan, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .silent)
            for warning in plan.warnings { output("\(warning)") }
            output("\(source.name): fine; \(assembly.modules.map(\.description).joined(separator: ", "))")
            return 0
        } catch {
            return report(error)
        }
    }

    private func report(_ errors: ManifestErrors) -> Int32 {
        for problem in errors.problems { self.errors(problem.description) }
        return Self.configurationError
    }

    // MARK: modules

    func modules(id: String?) -> Int32 {
        let reference = ModuleReference(catalog: catalog)
        guard let id else {
            reference.list().forEach(output)
            return 0
        }
        guard let lines = reference.describe(id) else {
            errors("no module '\(id)'; 'freeimd modules' lists them")
            return 1
        }
        lines.forEach(output)
        return 0
    }

    // MARK: The manifest

    private func plan(_ source: Source) throws(ManifestErrors) -> Assembler.Plan {
        var reader = ManifestReader(file: source.name, environment: environment)
        guard let root = reader.read(source.text) else { throw ManifestErrors(reader.problems) }
        return try Assembler(catalog: catalog).plan(
            Manifest(root, file: source.name), further: reader.problems)
    }

    private func source(_ file: String?) throws(ManifestErrors) -> Source {
        if let file { return Source(name: file, text: try text(of: file)) }
        let usual = "plugins.yaml"
        if FileManager.default.fileExists(atPath: usual) { return Source(name: usual, text: try text(of: usual)) }
        return Source(name: "built-in plugins.yaml", text: EmbeddedManifest.text)
    }

    private func text(of file: String) throws(ManifestErrors) -> String {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder.boolValue {
            throw ManifestErrors([ModuleError(.invalidManifest, "\(file): is a folder; name the manifest in it")])
        }
        let bytes: Data
        do {
            bytes = try Data(contentsOf: URL(filePath: file))
        } catch CocoaError.fileReadNoSuchFile {
            throw ManifestErrors([
                ModuleError(
                    .invalidManifest,
                    "\(file): no such file; name a manifest with -c, or leave -c out to use the built-in one")
            ])
        } catch {
            throw ManifestErrors([
                ModuleError(.invalidManifest, "\(file): cannot be read: \(error.localizedDescription)")
            ])
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ManifestErrors([ModuleError(.invalidManifest, "\(file): not UTF-8; save it as UTF-8")])
        }
        return text
    }
}
