import Foundation
import Testing

@Suite("Fuzzing's corpora")
struct CorpusTests {
    @Test("what must hold does so for every input that is kept", arguments: FuzzTarget.all)
    func inputs(_ target: FuzzTarget) throws {
        var taken = 0
        var refused = 0
        for file in try Self.corpus(of: target) {
            let input = Array(try Data(contentsOf: file))
            do {
                if try target.check(input) { taken += 1 } else { refused += 1 }
            } catch {
                Issue.record("\(target.name)/\(file.lastPathComponent): \(error)")
            }
        }
        #expect(taken > 0 && refused > 0, "inputs of one kind only leave half of the part untried")
    }

    private static func corpus(of target: FuzzTarget) throws -> [URL] {
        let corpora = try #require(Bundle.module.url(forResource: "Corpora", withExtension: nil))
        return try FileManager.default.contentsOfDirectory(
            at: corpora.appending(path: target.name), includingPropertiesForKeys: nil)
    }
}

extension FuzzTarget: CustomTestStringConvertible {
    var testDescription: String { name }
}
