import ArgumentParser
import Foundation
public import FreeIMCore

/// The daemon as a function: a custom daemon is a `main` that appends its own modules to the standard catalog.
///
///     import FreeIMDaemon
///
///     var catalog = ModuleCatalog.standard
///     catalog.authHooks.append(.club)
///     await Freeimd.main(catalog: catalog)
public enum Freeimd {
    /// Parses the process's arguments, does what they say, and exits: with 0, with 78 where a manifest has mistakes
    /// (`EX_CONFIG` of sysexits), with 64 where the arguments have, with 1 for anything else.
    public static func main(catalog: ModuleCatalog = .standard) async -> Never {
        let program = Program(
            catalog: catalog, environment: ProcessInfo.processInfo.environment,
            output: { FileHandle.standardOutput.write(line: $0) },
            errors: { FileHandle.standardError.write(line: $0) })
        do {
            switch try FreeimdCommand.parseAsRoot() {
            case let run as RunCommand:
                exit(await program.run(file: run.manifest.file, logLevel: run.logLevel?.level))
            case let check as CheckCommand:
                exit(program.check(file: check.manifest.file))
            case let modules as ModulesCommand:
                exit(program.modules(id: modules.id))
            case var other:
                // `--help` of the commands themselves.
                try other.run()
                exit(0)
            }
        } catch {
            FreeimdCommand.exit(withError: error)
        }
    }
}

extension FileHandle {
    fileprivate func write(line: String) {
        // A reader that went away is no reason to fail.
        try? write(contentsOf: Data((line + "\n").utf8))
    }
}
