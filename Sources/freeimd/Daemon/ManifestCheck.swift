import FreeIMCore

/// What can be said of a manifest's list of modules without reading them.
struct ManifestCheck {
    let manifest: Manifest
    /// Where something is missing altogether.
    let start: SourceLocation

    func problems() -> [ModuleError] {
        duplicates() + (manifest.hasModules ? counts() : [])
    }

    private func duplicates() -> [ModuleError] {
        var first: [ModuleID: SourceLocation] = [:]
        var problems: [ModuleError] = []
        for entry in manifest.entries {
            if let before = first[entry.id] {
                let remedy =
                    entry.id.role.allowedCount.upperBound > 1
                    ? "remove one, or tell them apart: '\(entry.id)/name'" : "remove one"
                problems.append(
                    ModuleError(
                        .duplicateModule, "\(entry.id) is listed twice, first in line \(before.line); \(remedy)",
                        at: entry.location))
            } else {
                first[entry.id] = entry.location
            }
        }
        return problems
    }

    private func counts() -> [ModuleError] {
        var problems: [ModuleError] = []
        for role in ModuleRole.allCases {
            let entries = manifest.entries.filter { $0.id.role == role }
            let different = Set(entries.map(\.id))
            if entries.count < role.allowedCount.lowerBound {
                problems.append(
                    ModuleError(
                        .missingModule, "no \(role.rawValue) module; add '- use: \(Self.usual(role))' to 'modules'",
                        at: start))
            } else if different.count > role.allowedCount.upperBound, let last = entries.last {
                problems.append(
                    ModuleError(
                        .conflict,
                        """
                        a node has one \(role.rawValue) module, but there are \(different.count): \
                        \(entries.map { "\($0.id)" }.joined(separator: ", ")); keep one
                        """, at: last.location))
            }
        }
        return problems
    }

    /// What most nodes use.
    private static func usual(_ role: ModuleRole) -> String {
        switch role {
        case .gateway: "gateway.websocket"
        case .transport: "transport.memory"
        case .presence: "presence.memory"
        case .auth: "auth.token"
        case .message, .feature, .api, .sink: "\(role.rawValue).<type>"
        }
    }
}

/// Whether what modules need is there.
struct NeedCheck {
    let manifest: Manifest

    func problems(_ planned: Assembler.Planned<some Any>) -> [ModuleError] {
        planned.needs.filter { !isMet($0) }.map { need in
            let remedy =
                switch need {
                case .role: "add a module of that role"
                case .module(let role, let type): "add '- use: \(role.rawValue).\(type)' to 'modules'"
                }
            return ModuleError(.missingModule, "\(planned.id) needs \(need); \(remedy)", at: planned.location)
        }
    }

    private func isMet(_ need: ModuleNeed) -> Bool {
        manifest.entries.contains { entry in
            switch need {
            case .role(let role): entry.id.role == role
            case .module(let role, let type): entry.id.role == role && entry.id.type == type
            }
        }
    }
}
