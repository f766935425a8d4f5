import Foundation
import FreeIMTestSupport
import Testing

/// `Clients/deflate.py`, which shares no code with the node; ends with the test.
private final class CompressingTerminal: Sendable {
    private let process = Process()
    private let output = ProcessLog()
    private let input = Pipe()

    init(_ port: Int, _ target: String, offer: String = "permessage-deflate; client_max_window_bits") throws {
        let script = try #require(
            Bundle.module.url(forResource: "deflate", withExtension: "py", subdirectory: "Clients"))
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script.path, "\(port)", target, offer]
        process.standardInput = input
        process.standardOutput = output.pipe
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    func send(_ line: String) throws {
        try input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
    }

    /// What it has printed, when these are so many lines.
    func lines(_ count: Int) async throws -> [String] {
        var lines: [String] = []
        try await eventually(within: .seconds(30)) {
            lines = self.output.text.split(separator: "\n").map(String.init)
            return lines.count >= count && self.output.text.hasSuffix("\n")
        }
        return lines
    }
}

@Suite struct CompressionTests {
    private let long = String(repeating: "to be or not to be, ", count: 200)

    @Test("A terminal that offers it gets long messages compressed, beside one that does not")
    func channel() async throws {
        let daemon = try await Daemon.start()
        let api = API(port: daemon.apiPort)
        let compressing = try CompressingTerminal(daemon.gatewayPort, "/ws?client=1")
        let plain = try await Terminal.connect(daemon.gatewayPort, "/ws?client=2")
        try await api.online("1", "2")
        for client in [1, 2] { try await api("PUT", "/v1/clients/\(client)/channels", #"{"channels":["room"]}"#) }
        try await api("POST", "/v1/channels/room/messages", #"{"text":"\#(long)"}"#)
        try await api("POST", "/v1/messages", #"{"to":[1,2],"text":"short"}"#)
        try await api("POST", "/v1/messages", #"{"to":[1,2],"text":"\#(long)"}"#)
        #expect(try await plain.texts(3) == [long, "short", long])
        #expect(
            try await compressing.lines(4) == [
                "opened permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                "compressed \(long)", "plain short", "compressed \(long)",
            ])
        let metrics = try await api("GET", "/metrics").text
        #expect(metrics.contains("freeim_gateway_connections_compressing_total 1\n"))
    }

    @Test(
        "What a terminal compresses is understood, and comes back within the window that it asked for",
        arguments: ["9", "12", "15"])
    func echo(bits: String) async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["inbound": "echo", "compression_level": "9"]))
        let terminal = try CompressingTerminal(
            daemon.gatewayPort, "/ws?client=1",
            offer: "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=\(bits)")
        // Repeats itself at distances that only a large window spans, as well as at short ones.
        let text = String((0..<400).map { "\($0 * 7_919 % 1_000) to be " }.joined().prefix(3_000))
        try terminal.send(text + text + text)
        try terminal.send("short")
        #expect(
            try await terminal.lines(5) == [
                "opened permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                    + "server_max_window_bits=\(bits)",
                "pong ?", "compressed \(text + text + text)", "pong ?", "plain short",
            ])
    }

    @Test("With compression switched off an offer is not answered")
    func off() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["inbound": "echo", "compression": "false"]))
        let terminal = try await Terminal.connect(
            daemon.gatewayPort, "/ws?client=1", headers: ["Sec-WebSocket-Extensions": "permessage-deflate"])
        try await terminal.send(long)
        #expect(try await terminal.next() == .text(long))
    }
}
