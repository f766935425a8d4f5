import Foundation

/// Runs the openssl command, without input. Returns what it writes to both outputs.
///
/// - Throws: ``OpenSSLFailed`` where it fails.
@discardableResult
public func openssl(_ arguments: [String]) async throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["openssl"] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text: String = await withCheckedContinuation { continuation in
        // Blocks a thread that nobody else waits for.
        DispatchQueue.global().async {
            let bytes = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            continuation.resume(returning: String(decoding: bytes, as: UTF8.self))
        }
    }
    guard process.terminationStatus == 0 else { throw OpenSSLFailed(status: process.terminationStatus, text: text) }
    return text
}

public struct OpenSSLFailed: Error {
    public let status: Int32
    public let text: String
}

/// Opens a TLS connection to this machine, and ends it: what openssl tells of it.
///
/// - Parameter options: of `openssl s_client`.
public func showConnection(to port: Int, _ options: [String] = []) async throws -> String {
    try await openssl(["s_client", "-connect", "127.0.0.1:\(port)"] + options)
}
