import ArgumentParser

/// The command line of `freeimd`; what it does is in ``Program``.
struct FreeimdCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "freeimd",
        abstract: "A node of the FreeIM instant-messaging middleware, assembled from a manifest.",
        version: Version.current,
        subcommands: [RunCommand.self, CheckCommand.self, ModulesCommand.self],
        defaultSubcommand: RunCommand.self)
}

struct ManifestOptions: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp(
            "The manifest. Default: plugins.yaml of the current folder, or else the built-in one.", valueName: "file"))
    var file: String?
}

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "run", abstract: "Run a node.")

    @OptionGroup var manifest: ManifestOptions
    @Option(
        help:
            "Overrides the manifest's log_level: \(NodeSection.LogLevel.allCases.map(\.rawValue).joined(separator: ", "))."
    )
    var logLevel: NodeSection.LogLevel?
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a manifest, without any effect. Exits with 0, or with 78 and all mistakes.")

    @OptionGroup var manifest: ManifestOptions
}

struct ModulesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "modules", abstract: "List the modules, or everything that one module can be told.")

    @Argument(help: "A module's id, like auth.token; 'node' for the manifest's node section.")
    var id: String?
}

extension NodeSection.LogLevel: ExpressibleByArgument {}
