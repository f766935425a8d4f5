import Foundation
import NIOCore
import NIOPosix
public import RedisClient
import Synchronization

/// A redis-server of its own, on a free port of 127.0.0.1, in a directory of its own. `REDIS_SERVER` in the environment
/// names another program, for example `valkey-server`.
public final class RedisServer {
    public let port: Int
    public let directory: String
    private let arguments: [String]
    private var process: Process

    /// - Parameter arguments: of redis-server; `{dir}` and `{port}` stand for ``directory`` and ``port``.
    public init(_ arguments: [String] = [], directory: String) async throws {
        self.directory = directory
        let port = try await Self.freePort()
        self.port = port
        let listen = arguments.contains("--port") ? [] : ["--port", "\(port)"]
        let paths = arguments.map { $0.replacing("{dir}", with: directory).replacing("{port}", with: "\(port)") }
        self.arguments = listen + ["--bind", "127.0.0.1", "--save", "", "--dir", directory] + paths
        process = try Self.launch(self.arguments)
    }

    public var url: String { "redis://127.0.0.1:\(port)" }

    /// Of a client that comes back quickly.
    public var configuration: RedisClientConfiguration {
        var configuration = RedisClientConfiguration(endpoint: .tcp(host: "127.0.0.1", port: port))
        configuration.backoff.initial = .milliseconds(10)
        configuration.backoff.maximum = .milliseconds(100)
        return configuration
    }

    /// Returns when the server accepts connections.
    public func listens(within deadline: Duration = .seconds(30)) async throws {
        let clock = ContinuousClock()
        let end = clock.now + deadline
        while await !accepts() {
            guard process.isRunning else { throw RedisServerError.ended }
            guard clock.now < end else { throw RedisServerError.notListening(deadline) }
            try await clock.sleep(for: .milliseconds(5))
        }
    }

    private func accepts() async -> Bool {
        if FileManager.default.fileExists(atPath: "\(directory)/redis.sock") { return true }
        let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
        channel?.close(promise: nil)
        return channel != nil
    }

    public func signal(_ number: Int32) {
        guard process.isRunning else { return }
        kill(process.processIdentifier, number)
    }

    /// As `kill -9` does, and waits for the end.
    public func kill9() {
        signal(SIGKILL)
        process.waitUntilExit()
    }

    /// On the same port, after ``kill9()``.
    public func restart() throws {
        process = try Self.launch(arguments)
    }

    /// Ends exactly this server's process.
    public func end() {
        guard process.isRunning else { return }
        // A stopped process takes no other signal.
        signal(SIGKILL)
        process.waitUntilExit()
    }

    static let program = ProcessInfo.processInfo.environment["REDIS_SERVER"] ?? "redis-server"

    private static func launch(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    private static let firstPort = Int.random(in: 20_000..<32_000)
    private static let portsGiven = Atomic(0)

    /// Another one with each call. Below the ports that the system gives to outgoing connections, so that none of them
    /// takes it meanwhile.
    public static func freePort() async throws -> Int {
        while true {
            let number = portsGiven.add(1, ordering: .relaxed).oldValue
            let port = 20_000 + (firstPort - 20_000 + number) % 12_000
            let channel = try? await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: port).get()
            guard let channel else { continue }
            try await channel.close()
            return port
        }
    }
}

public enum RedisServerError: Error {
    case notListening(Duration)
    /// It has ended by itself: its arguments are wrong, or its port was taken.
    case ended
}

/// A directory that is removed after `body`.
public func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let directory = FileManager.default.temporaryDirectory
        .appendingPathComponent("redis-test-\(UInt64.random(in: 0 ... .max))").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try await body(directory)
}

/// Runs `body` beside a server that accepts connections.
public func withServer(_ arguments: String..., body: (RedisServer) async throws -> Void) async throws {
    try await withDirectory { directory in
        let server = try await RedisServer(arguments, directory: directory)
        defer { server.end() }
        try await server.listens()
        try await body(server)
    }
}
