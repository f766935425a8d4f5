import FreeIMCore
import Logging
import NIOCore

/// All mistakes of a manifest.
struct ManifestErrors: Error {
    /// In the order of the manifest.
    let problems: [ModuleError]

    init(_ problems: [ModuleError]) {
        self.problems = problems.sorted { first, second in
            let (left, right) = (first.location, second.location)
            return (left?.line ?? 0, left?.column ?? 0) < (right?.line ?? 0, right?.column ?? 0)
        }
    }
}

/// Turns a manifest into a node: reads every entry, checks how they fit together, builds. Reads the files that the
/// manifest names, and has no other input or output.
struct Assembler {
    let catalog: ModuleCatalog

    /// A module that has been read and can be built.
    struct Planned<Product> {
        let id: ModuleID
        let location: SourceLocation
        let needs: [ModuleNeed]
        let warnings: [ModuleWarning]
        let build: ModuleFactory<Product>.Build
    }

    /// Everything read and checked, nothing built.
    struct Plan {
        let manifest: Manifest
        let settings: NodeSection
        let gateway: Planned<any Gateway>
        let transport: Planned<any Transport>
        let presence: Planned<any PresenceHook>
        let authHooks: [Planned<any AuthHook>]
        let messageHooks: [Planned<any MessageHook>]
        /// Of the roles feature, api and sink, in the order of the manifest.
        let features: [Planned<any Feature>]
        /// What is no mistake, in the order of the manifest.
        let warnings: [ModuleWarning]
    }

    func plan(_ manifest: Manifest, further: [ModuleError] = []) throws(ManifestErrors) -> Plan {
        var problems = manifest.problems + further
        var settings = NodeSection()
        let start = SourceLocation(file: manifest.file, line: 1, column: 1)
        var section = Section(owner: "node", mapping: manifest.node, at: manifest.node?.location ?? start)
        settings.read(from: &section)
        problems += section.finish()
        problems += ManifestCheck(manifest: manifest, start: start).problems()

        let gateways = read(manifest, .gateway, catalog.gateways, &problems)
        let transports = read(manifest, .transport, catalog.transports, &problems)
        let presenceHooks = read(manifest, .presence, catalog.presenceHooks, &problems)
        let authHooks = read(manifest, .auth, catalog.authHooks, &problems)
        let messageHooks = read(manifest, .message, catalog.messageHooks, &problems)
        let features = manifest.entries.flatMap { entry in
            switch entry.id.role {
            case .feature: read([entry], catalog.features, &problems)
            case .api: read([entry], catalog.apis, &problems)
            case .sink: read([entry], catalog.sinks, &problems)
            default: [Planned<any Feature>]()
            }
        }
        let check = NeedCheck(manifest: manifest)
        problems += gateways.flatMap(check.problems) + transports.flatMap(check.problems)
        problems += presenceHooks.flatMap(check.problems) + authHooks.flatMap(check.problems)
        problems += messageHooks.flatMap(check.problems) + features.flatMap(check.problems)

        guard problems.isEmpty, let gateway = gateways.first, let transport = transports.first,
            let presence = presenceHooks.first
        else { throw ManifestErrors(problems) }
        return Plan(
            manifest: manifest, settings: settings, gateway: gateway, transport: transport, presence: presence,
            authHooks: authHooks, messageHooks: messageHooks, features: features,
            warnings: (gateway.warnings + transport.warnings + presence.warnings + authHooks.flatMap(\.warnings)
                + messageHooks.flatMap(\.warnings) + features.flatMap(\.warnings))
                .sorted { $0.location.line < $1.location.line })
    }

    private func read<Product>(
        _ manifest: Manifest, _ role: ModuleRole, _ factories: [ModuleFactory<Product>],
        _ problems: inout [ModuleError]
    ) -> [Planned<Product>] {
        read(manifest.entries.filter { $0.id.role == role }, factories, &problems)
    }

    private func read<Product>(
        _ entries: [Manifest.Entry], _ factories: [ModuleFactory<Product>], _ problems: inout [ModuleError]
    ) -> [Planned<Product>] {
        var planned: [Planned<Product>] = []
        for entry in entries {
            guard let factory = factories.first(where: { $0.type == entry.id.type }) else {
                let types = factories.map(\.type)
                var message = "no \(entry.id.role.rawValue) module is named '\(entry.id.type)'"
                if let near = Spelling.nearest(to: entry.id.type, of: types) {
                    message += "; did you mean '\(entry.id.role.rawValue).\(near)'?"
                } else {
                    message += types.isEmpty ? "; there is none" : "; there are: \(types.joined(separator: ", "))"
                }
                problems.append(ModuleError(.unknownModule, message, at: entry.location))
                continue
            }
            var section = Section(owner: "\(entry.id)", mapping: entry.with, at: entry.location)
            let build = factory.read(&section)
            let warnings = section.warnings
            problems += section.finish()
            planned.append(
                Planned(
                    id: entry.id, location: entry.location, needs: factory.needs, warnings: warnings, build: build))
        }
        return planned
    }
}
