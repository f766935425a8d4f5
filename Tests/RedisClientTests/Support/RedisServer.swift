import Foundation
import NIOCore
import NIOPosix
import RedisClient

/// A redis-server of its own, on a free port, in a directory of its own.
final class RedisServer {
    let port: Int
    let directory: String
    private let arguments: [String]
    private var process: Process

    /// Without `--port` among the arguments it listens on a free port of 127.0.0.1.
    init(_ arguments: [String], directory: String) async throws {
        self.directory = directory
        let port = try await Self.freePort()
        self.port = port
        let listen = arguments.contains("--port") ? [] : ["--port", "\(port)"]
        let paths = arguments.map { $0.replacing("{dir}", with: directory).replacing("{port}", with: "\(port)") }
        self.arguments = listen + ["--bind", "127.0.0.1", "--save", "", "--dir", directory] + paths
        process = try Self.launch(self.arguments)
    }

    /// Returns when the server accepts connections.
    func listens() async throws {
        let port = port
        let path = "\(directory)/redis.sock"
        try await eventually {
            if FileManager.default.fileExists(atPath: path) { return true }
            let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
            channel?.close(promise: nil)
            return channel != nil
        }
    }

    func signal(_ number: Int32) {
        kill(process.processIdentifier, number)
    }

    /// As `kill -9` does, and waits for the end.
    func kill9() {
        signal(SIGKILL)
        process.waitUntilExit()
    }

    /// On the same port.
    func restart() throws {
        process = try Self.launch(arguments)
    }

    func end() {
        guard process.isRunning else { return }
        // A stopped process takes no other signal.
        signal(SIGKILL)
        process.waitUntilExit()
    }

    private static func launch(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["redis-server"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Below the ports that the system gives to outgoing connections, so that none of them takes it meanwhile.
    static func freePort() async throws -> Int {
        while true {
            let port = Int.random(in: 20_000..<32_000)
            let channel = try? await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: port).get()
            guard let channel else { continue }
            try await channel.close()
            return port
        }
    }

    var configuration: RedisClientConfiguration {
        var configuration = RedisClientConfiguration(endpoint: .tcp(host: "127.0.0.1", port: port))
        configuration.backoff.initial = .milliseconds(10)
        configuration.backoff.maximum = .milliseconds(100)
        return configuration
    }
}

/// A directory that is removed after `body`.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory
        .appendingPathComponent("redis-client-\(UInt64.random(in: 0 ... .max))").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try await body(directory)
}

func withServer(_ arguments: String..., body: (RedisServer) async throws -> Void) async throws {
    try await withDirectory { directory in
        let server = try await RedisServer(arguments, directory: directory)
        defer { server.end() }
        try await server.listens()
        try await body(server)
    }
}

func runTool(_ tool: String, _ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [tool] + arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw ToolFailed(tool: tool, status: process.terminationStatus) }
}

struct ToolFailed: Error {
    let tool: String
    let status: Int32
}
