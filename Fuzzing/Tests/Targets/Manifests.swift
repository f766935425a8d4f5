import FreeIMCore

@testable import FreeIMDaemon

extension FuzzTarget {
    /// A manifest up to the plan of a node: nothing is built, so nothing is touched.
    static let manifest = FuzzTarget(name: "manifest", longest: 2_048) { input in
        guard let text = String(validating: input, as: UTF8.self) else { return false }
        var reader = ManifestReader(file: file, environment: ["PORT": "6001", "EMPTY": ""])
        guard let root = reader.read(text) else {
            try checkPlaces(of: reader.problems, in: text)
            return false
        }
        do throws(ManifestErrors) {
            _ = try Assembler(catalog: catalog).plan(Manifest(root, file: file), further: reader.problems)
            return true
        } catch {
            try checkPlaces(of: error.problems, in: text)
            return false
        }
    }

    private static let file = "plugins.yaml"
    private static let catalog = ModuleCatalog.standard

    private static func checkPlaces(of problems: [ModuleError], in text: String) throws(Broken) {
        try require(!problems.isEmpty, "refused without a reason")
        for problem in problems {
            guard let location = problem.location else {
                throw Broken(description: "a problem without a place: \(problem)")
            }
            try require(
                location.file == file && location.line >= 1 && location.column >= 1, "a place nowhere: \(problem)")
        }
    }
}
