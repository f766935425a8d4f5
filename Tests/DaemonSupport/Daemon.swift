package import Foundation
import FreeIMTestSupport
import RedisTestSupport
import Synchronization

/// A real `freeimd` process on free ports, started by a test and ended with it.
package final class Daemon: Sendable {
    package let gatewayPort: Int
    /// 0 where the manifest has no `api.http`.
    package let apiPort: Int
    private let process: Process
    package let log: ProcessLog

    /// Starts `freeimd run` on a manifest and waits until it listens.
    ///
    /// - Parameters:
    ///   - prelude: what a shell does before it becomes `freeimd`.
    ///   - logFile: where the log goes instead of a pipe; ``logText`` is empty then.
    package static func start(
        _ manifest: Manifest = Manifest(), environment: [String: String] = [:], prelude: String? = nil,
        logFile: String? = nil
    ) async throws -> Daemon {
        var (manifest, prelude) = (manifest, prelude)
        if let logFile {
            prelude = [prelude, "exec 2>>'\(logFile)'"].compactMap(\.self).joined(separator: "; ")
            try await manifest.choosePorts()
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "freeim-\(UUID().uuidString).yaml")
        try manifest.text.write(to: file, atomically: true, encoding: .utf8)
        let log = ProcessLog()
        let process = try launch(
            ["run", "-c", file.path], log: log, output: log, environment: environment, prelude: prelude)
        do {
            if logFile != nil {
                let daemon = Daemon(
                    gatewayPort: Manifest.port(manifest.gateway), apiPort: Manifest.port(manifest.api ?? [:]),
                    process: process, log: log)
                try await eventually(within: .seconds(20)) {
                    guard process.isRunning else { throw DaemonFailure(log: "its log is in \(logFile ?? "")") }
                    return (try? await API(port: daemon.apiPort, timeout: 2)("GET", "/health/ready"))?.status == 200
                }
                return daemon
            }
            let gateway = try await log.port(after: "] listening", in: process)
            let api = manifest.hasAPI ? try await log.port(after: "API listening", in: process) : 0
            return Daemon(gatewayPort: gateway, apiPort: api, process: process, log: log)
        } catch {
            process.terminate()
            throw error
        }
    }

    /// Runs `freeimd` to its end.
    package static func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
        let log = ProcessLog()
        let output = ProcessLog()
        let process = try launch(arguments, log: log, output: output, environment: environment)
        await process.ended()
        // What it has printed may still be in the pipe. (Its end does not show: other tests' processes hold it open.)
        try? await eventually(within: .seconds(5)) { !log.text.isEmpty || !output.text.isEmpty }
        return Outcome(status: process.terminationStatus, output: output.text, errors: log.text)
    }

    package struct Outcome {
        package let status: Int32
        package let output: String
        package let errors: String
    }

    private init(gatewayPort: Int, apiPort: Int, process: Process, log: ProcessLog) {
        self.gatewayPort = gatewayPort
        self.apiPort = apiPort
        self.process = process
        self.log = log
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    package var logText: String { log.text }
    package var id: Int32 { process.processIdentifier }

    package func signal(_ number: Int32) {
        kill(id, number)
    }

    /// Sends SIGTERM; returns the exit status.
    package func stop() async -> Int32 {
        process.terminate()
        return await end()
    }

    /// The exit status, or the signal that ended the process.
    package func end() async -> Int32 {
        await process.ended()
        return process.terminationStatus
    }

    private static func launch(
        _ arguments: [String], log: ProcessLog, output: ProcessLog = ProcessLog(),
        environment: [String: String] = [:], prelude: String? = nil
    ) throws -> Process {
        let process = Process()
        // The product beside the test's own executable.
        let tests = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let freeimd = tests.appending(path: "freeimd")
        process.executableURL = prelude == nil ? freeimd : URL(filePath: "/bin/sh")
        process.currentDirectoryURL = FileManager.default.temporaryDirectory
        process.arguments = (prelude.map { ["-c", "\($0); exec \"$0\" \"$@\"", freeimd.path] } ?? []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardError = log.pipe
        process.standardOutput = output.pipe
        try process.run()
        return process
    }
}

extension Process {
    /// Returns when the process has ended and its output has been read.
    fileprivate func ended() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            DispatchQueue.global().async {
                self.waitUntilExit()
                continuation.resume()
            }
        }
        (standardError as? Pipe).map { try? $0.fileHandleForWriting.close() }
    }
}

/// What a process writes, as it comes.
package final class ProcessLog: Sendable {
    package let pipe = Pipe()
    private let bytes = Mutex(Data())

    package init() { goOn() }

    /// Reads on.
    package func goOn() {
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            guard !data.isEmpty else { return handle.readabilityHandler = nil }
            self?.bytes.withLock { $0.append(data) }
        }
    }

    /// Reads no more, and leaves no room: the next one to write has to wait.
    package func stall() {
        pipe.fileHandleForReading.readabilityHandler = nil
        // Opened anew: the process's own end must stay as it is.
        let writing = open("/proc/self/fd/\(pipe.fileHandleForWriting.fileDescriptor)", O_WRONLY | O_NONBLOCK)
        guard writing >= 0 else { return }
        defer { close(writing) }
        for size in [4_096, 1] {
            let filling = [UInt8](repeating: UInt8(ascii: "\n"), count: size)
            while write(writing, filling, size) > 0 {}
        }
    }

    package var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }

    /// The port of the first line that ends with `message`.
    func port(after message: String, in process: Process) async throws -> Int {
        var port: Int?
        try? await eventually(within: .seconds(20)) {
            if !process.isRunning { throw DaemonFailure(log: self.text) }
            let line = self.text.split(separator: "\n").first { $0.hasSuffix(message) }
            let address = line?.split(separator: " ").first { $0.hasPrefix("im.address=") }
            port = address.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) }
            return port != nil
        }
        guard let port else { throw DaemonFailure(log: text) }
        return port
    }
}

package struct DaemonFailure: Error {
    package let log: String
}

/// A manifest with free ports, and the parts that a test says.
package struct Manifest {
    package var gateway: [String: String]
    package var auth: [String]
    package var authKeys: [String: [String: String]]
    package var api: [String: String]?
    package var node: [String: String]
    package var further: [String]
    package var bus: [String: [String: String]]
    package var presence: [String: [String: String]]

    package var hasAPI: Bool { api != nil }

    package var text: String {
        var lines = ["node:"]
        lines += node.merging(["threads": "2"]) { first, _ in first }.map { "  \($0): \($1)" }
        lines.append("modules:")
        lines += module("gateway.websocket", gateway.merging(["listen": "\"127.0.0.1:0\""]) { first, _ in first })
        for id in auth { lines += module(id, authKeys[id] ?? [:]) }
        for (id, keys) in bus { lines += module(id, keys) }
        for (id, keys) in presence { lines += module(id, keys) }
        for id in ["feature.direct", "feature.channels", "feature.event_bus"] {
            lines += module(id, [:])
        }
        for id in further { lines += module(id, [:]) }
        if let api { lines += module("api.http", api.merging(["listen": "\"127.0.0.1:0\""]) { first, _ in first }) }
        return lines.joined(separator: "\n") + "\n"
    }

    package init(
        gateway: [String: String] = [:], auth: [String] = ["auth.anonymous"],
        authKeys: [String: [String: String]] = [:], api: [String: String]? = [:], node: [String: String] = [:],
        further: [String] = [], bus: [String: [String: String]] = ["transport.memory": [:]],
        presence: [String: [String: String]] = ["presence.memory": [:]]
    ) {
        self.gateway = gateway
        self.auth = auth
        self.authKeys = authKeys
        self.api = api
        self.node = node
        self.further = further
        self.bus = bus
        self.presence = presence
    }

    /// Free ones, where the log does not say which the system chose.
    mutating func choosePorts() async throws {
        if gateway["listen"] == nil { gateway["listen"] = "\"127.0.0.1:\(try await RedisServer.freePort())\"" }
        if api != nil, api?["listen"] == nil {
            api?["listen"] = "\"127.0.0.1:\(try await RedisServer.freePort())\""
        }
    }

    static func port(_ keys: [String: String]) -> Int {
        keys["listen"].flatMap { Int($0.filter { $0 != "\"" }.split(separator: ":").last ?? "") } ?? 0
    }

    private func module(_ id: String, _ keys: [String: String]) -> [String] {
        ["  - use: \(id)"] + (keys.isEmpty ? [] : ["    with:"]) + keys.map { "      \($0): \($1)" }
    }
}
