import Foundation
import FreeIMTestSupport
import RedisClient
import Synchronization

/// What a Redis server is sent, as `redis-cli monitor` shows it.
final class CommandMonitor: Sendable {
    private let process = Process()
    private let pipe = Pipe()
    private let bytes = Mutex(Data())

    init(port: Int) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["redis-cli", "-p", "\(port)", "monitor"]
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            guard !data.isEmpty else { return handle.readabilityHandler = nil }
            self?.bytes.withLock { $0.append(data) }
        }
        try process.run()
    }

    func end() {
        process.terminate()
    }

    func listens() async throws {
        try await eventually { self.bytes.withLock { $0.starts(with: Data("OK\n".utf8)) } }
    }

    /// What was sent since the last time, up to now; not what scripts did.
    func take(_ client: RedisClient) async throws -> [[String]] {
        let mark = "mark \(UInt64.random(in: 0 ... .max))"
        _ = try await client.send(RedisCommand("ECHO", .string(mark)))
        try await eventually { self.text.contains(mark) }
        let lines = text.split(separator: "\n")
        bytes.withLock { $0.removeAll() }
        return lines.compactMap(Self.arguments).filter { $0.first != "ECHO" && $0.first != "PING" }
    }

    private var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

    /// `1.2 [0 127.0.0.1:1] "SET" "key" "value"`
    private static func arguments(_ line: Substring) -> [String]? {
        guard let end = line.range(of: "] "), !line[..<end.lowerBound].hasSuffix(" lua") else { return nil }
        var arguments: [String] = []
        var current: [UInt8]?
        var rest = Array(line[end.upperBound...].utf8)[...]
        while let byte = rest.popFirst() {
            switch (byte, current) {
            case (UInt8(ascii: "\""), nil): current = []
            case (UInt8(ascii: "\""), let argument?):
                arguments.append(String(decoding: argument, as: UTF8.self))
                current = nil
            case (UInt8(ascii: "\\"), _):
                guard let escaped = rest.popFirst() else { return nil }
                current?.append(unescaped(escaped, &rest))
            default: current?.append(byte)
            }
        }
        return arguments
    }

    private static func unescaped(_ byte: UInt8, _ rest: inout ArraySlice<UInt8>) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): return 0x0A
        case UInt8(ascii: "r"): return 0x0D
        case UInt8(ascii: "t"): return 0x09
        case UInt8(ascii: "a"): return 0x07
        case UInt8(ascii: "b"): return 0x08
        case UInt8(ascii: "x"):
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            rest = rest.dropFirst(2)
            return UInt8(digits, radix: 16) ?? 0
        default: return byte
        }
    }
}
