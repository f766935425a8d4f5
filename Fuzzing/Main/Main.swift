import CLibFuzzer
import Foundation

/// `fuzz TARGET`, and what libFuzzer takes: options, folders to grow, files to read.
@main
enum Main {
    /// For the processes that libFuzzer starts to minimise a corpus, without our first argument.
    private static let variable = "FUZZ_TARGET"

    /// The C callback has no other way to know it.
    private static let target =
        named
        ?? FuzzTarget.all.first {
            ProcessInfo.processInfo.environment[variable] == $0.name
        }

    private static let named = FuzzTarget.all.first { CommandLine.arguments.dropFirst().first == $0.name }

    static func main() {
        guard target != nil else {
            note("usage: fuzz \(FuzzTarget.all.map(\.name).joined(separator: "|")) [OPTION|FOLDER|FILE...]")
            exit(64)
        }
        var arguments = [CommandLine.arguments[0]] + CommandLine.arguments.dropFirst(named == nil ? 1 : 2)
        if let target {
            setenv(variable, target.name, 1)
            arguments.insert("-max_len=\(target.longest)", at: 1)
        }
        // Theirs until the process ends: libFuzzer keeps them, and exits by itself.
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var count = CInt(arguments.count)
        pointers.withUnsafeMutableBufferPointer { buffer in
            var base = buffer.baseAddress
            exit(LLVMFuzzerRunDriver(&count, &base) { bytes, count in Main.check(bytes, count) })
        }
    }

    private static func check(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        guard let target else { return 0 }
        do {
            // A copy, so that the address sanitizer sees reads behind its end.
            _ = try target.check(Array(UnsafeBufferPointer(start: bytes, count: count)))
            return 0
        } catch {
            note("\(target.name): \(error)")
            abort()
        }
    }

    private static func note(_ line: String) {
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }
}
