import Foundation
import FreeIMTestSupport
import Synchronization
import Testing

@testable import FreeIMDaemon

@Suite("A node's log waits for nobody")
struct LogOutputTests {
    /// Both ends of a pipe of a page.
    private final class Pipe: Sendable {
        let reading: Int32
        let writing: Int32

        init() throws {
            var ends: [Int32] = [0, 0]
            try #require(pipe(&ends) == 0)
            (reading, writing) = (ends[0], ends[1])
            #if os(Linux)
                let setPipeSize: Int32 = 1_031
                _ = fcntl(writing, setPipeSize, 4_096)
            #endif
            _ = fcntl(reading, F_SETFL, O_NONBLOCK)
        }

        deinit {
            close(reading)
            close(writing)
        }

        /// What is in it now.
        func read() -> String {
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = Foundation.read(reading, &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        }
    }

    @Test("lines come in their order, and flush waits for them")
    func order() throws {
        let pipe = try Pipe()
        let log = LogOutput(descriptor: pipe.writing)
        for number in 0..<100 { log.write("line \(number)\n") }
        #expect(log.flush(within: .seconds(30)))
        #expect(pipe.read() == (0..<100).map { "line \($0)\n" }.joined())
    }

    @Test("a reader that stands still delays nobody; what has no room is counted, and told when it reads on")
    func stalled() async throws {
        let pipe = try Pipe()
        let log = LogOutput(descriptor: pipe.writing, limit: 10_000)
        let line = String(repeating: "x", count: 99) + "\n"
        for _ in 0..<1_000 { log.write(line) }
        #expect(!log.flush(within: .milliseconds(50)))
        var text = ""
        var kept = 0
        try await eventually {
            text += pipe.read()
            let lines = text.split(separator: "\n")
            kept = lines.count { $0.hasPrefix("x") }
            let lost = lines.compactMap { try? /im.count=(\d+) .*nobody took them$/.firstMatch(in: $0)?.1 }
            return text.hasSuffix("\n") && kept + lost.compactMap { Int($0) }.reduce(0, +) == 1_000
        }
        #expect((100..<1_000).contains(kept))
        log.write("after\n")
        #expect(log.flush(within: .seconds(30)))
        #expect(pipe.read() == "after\n")
    }

    #if os(Linux)
        @Test("what a full disk does not take is counted, and told once it has room")
        func full() throws {
            let descriptor = open("/dev/full", O_WRONLY)
            defer { close(descriptor) }
            let log = LogOutput(descriptor: descriptor)
            for _ in 0..<5 {
                log.write("a\nb\n")
                #expect(log.flush(within: .seconds(30)))
            }
            let pipe = try Pipe()
            try #require(dup2(pipe.writing, descriptor) == descriptor)
            log.write("after\n")
            #expect(log.flush(within: .seconds(30)))
            let lines = pipe.read().split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines.first?.contains("im.count=5 ") == true)
            #expect(lines.last == "after")
        }
    #endif
}
