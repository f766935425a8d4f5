import FreeIMCore

/// What `freeimd modules` prints: taken from the factories and from recorded readings, so it cannot go out of date.
struct ModuleReference {
    private struct Row {
        let id: String
        let summary: String
        let needs: [ModuleNeed]
        let keys: [Section.Key]
    }

    private let rows: [Row]

    init(catalog: ModuleCatalog) {
        rows =
            Self.rows(.gateway, catalog.gateways) + Self.rows(.transport, catalog.transports)
            + Self.rows(.auth, catalog.authHooks) + Self.rows(.presence, catalog.presenceHooks)
            + Self.rows(.message, catalog.messageHooks) + Self.rows(.feature, catalog.features)
            + Self.rows(.api, catalog.apis) + Self.rows(.sink, catalog.sinks)
    }

    private static func rows<Product>(_ role: ModuleRole, _ factories: [ModuleFactory<Product>]) -> [Row] {
        factories.map { factory in
            var section = Section(recordingFor: "\(role.rawValue).\(factory.type)")
            _ = factory.read(&section)
            return Row(
                id: section.owner, summary: factory.summary, needs: factory.needs, keys: section.keys)
        }
    }

    /// All modules, a line each.
    func list() -> [String] {
        let width = rows.map(\.id.count).max() ?? 0
        return rows.map { "\($0.id.padded(to: width))  \($0.summary)" }
            + ["", "freeimd modules <id> tells what a module can be told; 'node' what the node can be told."]
    }

    /// Everything about one module; nil where there is none of that id.
    func describe(_ id: String) -> [String]? {
        if id == "node" {
            var section = Section(recordingFor: "node")
            var settings = NodeSection()
            settings.read(from: &section)
            return ["node: the node itself, beside 'modules'", ""] + describe(section.keys)
        }
        // A label is a deployment's own.
        let plain = id.split(separator: "/", maxSplits: 1).first.map(String.init) ?? id
        guard let row = rows.first(where: { $0.id == plain }) else { return nil }
        var lines = ["\(row.id): \(row.summary)"]
        if !row.needs.isEmpty { lines.append("needs \(row.needs.map(\.description).joined(separator: ", "))") }
        return lines + [""] + (row.keys.isEmpty ? ["It has no keys."] : describe(row.keys))
    }

    private func describe(_ keys: [Section.Key]) -> [String] {
        keys.flatMap { key in
            let standard = key.isRequired ? "required" : "default: \(key.standard ?? "none")"
            return ["  \(key.name)", "      \(key.expectation); \(standard)", "      \(key.meaning)"]
        }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
