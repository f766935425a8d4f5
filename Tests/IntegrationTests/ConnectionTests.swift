import Foundation
import FreeIMTestSupport
import NIOCore
import NIOWebSocket
import Testing

@Suite struct ConnectionTests {
    @Test("A silent terminal is pinged, and cut with 4001 where it does not answer")
    func heartbeat() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["ping_interval": "1s", "pong_timeout": "500ms"]))
        let alive = try await Terminal.connect(daemon.gatewayPort, "/ws?client=alive")
        let dead = try await Terminal.connect(daemon.gatewayPort, "/ws?client=dead", answersPings: false)
        #expect(try await dead.next() == .ping)
        #expect(try await dead.next() == .close(4001, "no answer to a ping"))
        for _ in 0..<2 { #expect(try await alive.next() == .ping) }
    }

    @Test("A terminal that does not read is closed when max_pending bytes wait for it; others are not concerned")
    func slowReceiver() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["max_pending": "64KiB", "close_timeout": "1s"]))
        let api = API(port: daemon.apiPort)
        let slow = try await Terminal.connect(daemon.gatewayPort, "/ws?client=slow", receiveBuffer: 4_096)
        let quick = try await Terminal.connect(daemon.gatewayPort, "/ws?client=quick")
        try await api.online("slow", "quick")
        try await slow.read(false)
        let text = String(repeating: "x", count: 60_000)
        var sent = 0
        // A sanitizer takes several times as long for as many bytes.
        let isSanitized = ProcessInfo.processInfo.environment["FREEIM_SANITIZER"] != nil
        try await eventually(within: .seconds(isSanitized ? 180 : 30)) {
            try await api("POST", "/v1/messages", "{\"to\":[\"slow\",\"quick\"],\"text\":\"\(text)\"}")
            sent += 1
            return try await api("GET", "/v1/clients/slow").json()["online"] as? Bool == false || sent > 2_000
        }
        #expect(sent < 2_000)
        #expect(try await quick.texts(sent).allSatisfy { $0 == text })
        #if os(Linux)
            // Nor does the kernel keep what does not leave.
            try await eventually { try Self.closingSockets(of: daemon.gatewayPort) == 0 }
        #endif
        // Reset, though the terminal does not read.
        while try await slow.next() != .end {}
    }

    #if os(Linux)
        /// Connections to a port that their owner has closed, on the side that listens (proc(5), /proc/net/tcp).
        private static func closingSockets(of port: Int) throws -> Int {
            let hexadecimal = ":" + String(port, radix: 16, uppercase: true)
            let (established, listening): (Substring, Substring) = ("01", "0A")
            return try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).split(separator: "\n").count {
                let fields = $0.split(separator: " ")
                return fields.count > 3 && fields[1].hasSuffix(hexadecimal)
                    && ![established, listening].contains(fields[3])
            }
        }
    #endif

    @Test("A message beyond max_message is answered with 1009, a broken rule with 1002, broken UTF-8 with 1007")
    func violations() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["max_message": "1KiB"], api: nil))
        let big = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await big.send(String(repeating: "x", count: 1_025))
        #expect(try await big.next() == .close(1009, "message longer than 1024 bytes"))
        let unmasked = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await unmasked.send(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: "x")))
        #expect(try await unmasked.next() == .close(1002, "frame without a mask"))
        let latin = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await latin.send(
            WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: ByteBuffer(bytes: [0xE9, 0x20])))
        #expect(try await latin.next() == .close(1007, "text is not valid UTF-8"))
        #expect(try await latin.next() == .end)
    }

    @Test("With inbound: echo, text and binary come back as they were, after a ping's answer")
    func echo() async throws {
        let daemon = try await Daemon.start(Manifest(gateway: ["inbound": "echo"], api: nil))
        let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        try await terminal.send(
            WebSocketFrame(fin: true, opcode: .ping, maskKey: .random(), data: ByteBuffer(string: "p")))
        try await terminal.send("grüße")
        try await terminal.send(
            WebSocketFrame(fin: false, opcode: .binary, maskKey: .random(), data: ByteBuffer(bytes: [0, 255])))
        try await terminal.send(
            WebSocketFrame(fin: true, opcode: .continuation, maskKey: .random(), data: ByteBuffer(bytes: [1])))
        #expect(try await terminal.next() == .pong("p"))
        #expect(try await terminal.next() == .text("grüße"))
        #expect(try await terminal.next() == .binary([0, 255, 1]))
    }
}
