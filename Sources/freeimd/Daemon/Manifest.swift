import FreeIMCore

/// A node's manifest, read and not yet understood: its sections with the places where they stand.
struct Manifest {
    /// One item of `modules`.
    struct Entry {
        let id: ModuleID
        /// Where its `use` stands.
        let location: SourceLocation
        let with: Section.Node?
    }

    let file: String
    let node: Section.Node?
    let entries: [Entry]
    /// Whether there is a list of modules at all, so that something can be missing from it.
    let hasModules: Bool

    /// Mistakes that stand in the way of no other part; the entries concerned are left out.
    let problems: [ModuleError]

    init(_ root: Section.Node, file: String) {
        self.file = file
        var reader = Reader()
        reader.readRoot(root)
        self.node = reader.node
        self.entries = reader.entries
        self.hasModules = reader.hasModules
        self.problems = reader.problems
    }

    private struct Reader {
        var node: Section.Node?
        var entries: [Entry] = []
        var hasModules = false
        var problems: [ModuleError] = []

        mutating func readRoot(_ root: Section.Node) {
            guard case .mapping(let pairs) = root.value else {
                return fail(
                    .invalidManifest, "a manifest is a mapping with the keys 'node' and 'modules'", root.location)
            }
            var modules: Section.Node?
            for pair in pairs {
                switch pair.key {
                case "node": node = pair.value
                case "modules": modules = pair.value
                default:
                    fail(
                        .unknownKey, "unknown key '\(pair.key)'; a manifest has the keys 'node' and 'modules'",
                        pair.keyLocation)
                }
            }
            guard let modules else {
                return fail(
                    .missingValue, "the manifest has no 'modules'; list what the node is made of", root.location)
            }
            guard case .list(let items) = modules.value else {
                return fail(.invalidValue, "'modules' is a list of '- use: <id>'", modules.location)
            }
            hasModules = true
            for item in items { readEntry(item) }
        }

        private mutating func readEntry(_ item: Section.Node) {
            guard case .mapping(let pairs) = item.value else {
                return fail(
                    .invalidValue, "a module is listed as '- use: <id>', with its keys under 'with:'", item.location)
            }
            var use: Section.Node?
            var with: Section.Node?
            for pair in pairs {
                switch pair.key {
                case "use": use = pair.value
                case "with": with = pair.value
                default:
                    fail(
                        .unknownKey, "unknown key '\(pair.key)'; a module has 'use', and its own keys under 'with'",
                        pair.keyLocation)
                }
            }
            guard let use, case .scalar(let text) = use.value else {
                return fail(
                    .missingValue, "a module needs 'use: <id>', 'use: transport.memory' for instance", item.location)
            }
            do throws(ModuleError) {
                entries.append(
                    Entry(id: try ModuleID(parsing: text, at: use.location), location: use.location, with: with))
            } catch {
                problems.append(error)
            }
        }

        private mutating func fail(_ code: ModuleError.Code, _ message: String, _ location: SourceLocation) {
            problems.append(ModuleError(code, message, at: location))
        }
    }
}

extension ModuleID {
    /// `role.type` or `role.type/label`.
    init(parsing text: String, at location: SourceLocation) throws(ModuleError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let names = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard names.count == 2, !names[1].isEmpty, parts.allSatisfy({ !$0.isEmpty }) else {
            throw ModuleError(
                .invalidValue, "'\(text)' is not a module's id, which is role.type or role.type/label", at: location)
        }
        guard let role = ModuleRole(rawValue: String(names[0])) else {
            let roles = ModuleRole.allCases.map(\.rawValue).joined(separator: ", ")
            throw ModuleError(
                .unknownModule, "unknown role '\(names[0])' in '\(text)'; the roles are \(roles)", at: location)
        }
        self.init(role: role, type: String(names[1]), label: parts.count == 2 ? String(parts[1]) : nil)
    }
}
