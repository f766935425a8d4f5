import Foundation
import FreeIMCore
import Synchronization
import Testing

@testable import FreeIMDaemon

@Suite struct ManifestMistakeTests {
    @Test(
        "Each mistake is told with its place and its remedy",
        arguments: Mistakes.all + Mistakes.redis + Mistakes.tls + Mistakes.jwt)
    func mistakes(_ mistake: Mistakes) throws {
        let outcome = try check(mistake.fixture)
        #expect(outcome.errors == mistake.errors)
        #expect(outcome.status == 78)
        #expect(outcome.output.isEmpty)
    }

    @Test("A fixture without mistakes is fine, and its modules are listed")
    func fine() throws {
        let outcome = try check("fine")
        #expect(outcome.status == 0)
        #expect(outcome.errors.isEmpty)
        #expect(
            outcome.output == [
                "fine.yaml: fine; gateway.websocket, transport.memory, presence.memory, auth.token"
            ])
    }

    @Test("A file that is not there is named, with what to do")
    func missingFile() {
        let recorder = Recorder()
        #expect(recorder.program().check(file: "nowhere/plugins.yaml") == 78)
        #expect(
            recorder.errors == [
                """
                nowhere/plugins.yaml: no such file; name a manifest with -c, or leave -c out to use the built-in one
                """
            ])
    }

    @Test("A folder is no manifest")
    func folder() {
        let recorder = Recorder()
        #expect(recorder.program().check(file: "/tmp") == 78)
        #expect(recorder.errors == ["/tmp: is a folder; name the manifest in it"])
    }

    @Test("A file that is not UTF-8 is named")
    func notUTF8() throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "latin-\(UUID().uuidString).yaml")
        try Data([0x6E, 0xE4, 0x68, 0x3A, 0x20, 0xFF]).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let recorder = Recorder()
        #expect(recorder.program().check(file: file.path) == 78)
        #expect(recorder.errors == ["\(file.path): not UTF-8; save it as UTF-8"])
    }

    @Test("The manifest in the binary is the one in the repository")
    func embedded() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = try String(contentsOf: root.appending(path: "plugins.yaml"), encoding: .utf8)
        #expect(EmbeddedManifest.text == file)
    }

    private func check(_ fixture: String) throws -> (status: Int32, errors: [String], output: [String]) {
        let file = try #require(
            Bundle.module.url(forResource: fixture, withExtension: "yaml", subdirectory: "Fixtures"))
        let recorder = Recorder()
        let status = recorder.program().check(file: file.path)
        func named(_ lines: [String]) -> [String] {
            lines.map { $0.replacing(file.path, with: "\(fixture).yaml") }
        }
        return (status, named(recorder.errors), named(recorder.output))
    }
}

/// What a program prints.
final class Recorder: Sendable {
    private let lines = Mutex((output: [String](), errors: [String]()))

    var output: [String] { lines.withLock { $0.output } }
    var errors: [String] { lines.withLock { $0.errors } }

    func program(environment: [String: String] = [:]) -> Program {
        var catalog = ModuleCatalog.standard
        catalog.features += [.greeter, .needy]
        return Program(
            catalog: catalog, environment: environment,
            output: { line in self.lines.withLock { $0.output.append(line) } },
            errors: { line in self.lines.withLock { $0.errors.append(line) } })
    }
}

/// A feature that must be told something.
private struct Greeter: Feature, ModuleConfiguration {
    var text = ""

    mutating func read(from section: inout Section) {
        section.require("text", into: &text, meaning: "The greeting.")
    }
}

private struct Needy: Feature {}

extension ModuleFactory where Product == any Feature {
    fileprivate static var greeter: Self {
        Self("greeter", "Greets", configuration: Greeter.self) { greeter, _ in greeter }
    }

    fileprivate static var needy: Self {
        Self(
            "needy", "Needs others", needs: [.module(.feature, type: "channels"), .role(.message)],
            configuration: NoConfiguration.self
        ) { _, _ in Needy() }
    }
}
