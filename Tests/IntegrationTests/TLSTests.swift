import CertificateTestSupport
import Foundation
import FreeIMTestSupport
import NIOCore
import Testing

@Suite("TLS", .timeLimit(.minutes(2)))
struct TLSTests {
    private let authority: CertificateAuthority
    private let certificate: Certificate

    init() async throws {
        authority = try await CertificateAuthority()
        certificate = try await authority.issue("node", subject: "first")
    }

    private func connect(_ port: Int, _ target: String, answersPings: Bool = true) async throws -> Terminal {
        try await Terminal.connect(port, target, answersPings: answersPings, trusting: authority.file)
    }

    @Test("Messages, channels, receipts, pings and close frames reach terminals over TLS")
    func everything() async throws {
        let daemon = try await Daemon.start(
            .tls(certificate, gateway: ["listen": "none", "ping_interval": "1s", "pong_timeout": "1s"]))
        let api = API(port: daemon.apiPort)
        let sender = try await connect(daemon.gatewayPort, "/ws?client=1")
        let receiver = try await connect(daemon.gatewayPort, "/ws?client=2")
        let silent = try await connect(daemon.gatewayPort, "/ws?client=3", answersPings: false)
        try await api.online("1", "2", "3")
        try await api("POST", "/v1/messages", #"{"from":1,"to":[2],"message":"hi","receipt":true}"#)
        #expect(try await receiver.texts(1) == [#""hi""#])
        #expect(try await sender.texts(1) == [#"{"content":"\"hi\"","receipt":"发送成功"}"#])
        try await api("PUT", "/v1/clients/2/channels", #"{"channels":["room"]}"#)
        for number in 0..<200 { try await api("POST", "/v1/channels/room/messages", #"{"message":\#(number)}"#) }
        #expect(try await receiver.texts(200) == (0..<200).map(String.init))
        let large = String(repeating: "x", count: 300_000)
        try await api("POST", "/v1/broadcast", #"{"text":"\#(large)"}"#)
        #expect(try await receiver.texts(1) == [large])
        var events: [Terminal.Event] = []
        while events.last != .end { events.append(try await silent.next()) }
        #expect(events.contains(.ping))
        #expect(events.contains(.close(4001, "no answer to a ping")))
        try await api("DELETE", "/v1/clients/2")
        while case .ping = try await receiver.next() {}
        async let status = daemon.stop()
        var last = try await sender.next()
        while last == .ping || last == .text(large) { last = try await sender.next() }
        guard case .close(1001, _) = last else {
            Issue.record("\(last) instead of a close frame")
            return
        }
        #expect(try await sender.next() == .end)
        #expect(await status == 0)
    }

    @Test("A listener in clear and one over TLS serve the same clients, and the log tells them apart")
    func both() async throws {
        let daemon = try await Daemon.start(.tls(certificate))
        let api = API(port: daemon.apiPort)
        let plain = try await Terminal.connect(try await daemon.port(of: "plain"), "/ws?client=7")
        let encrypted = try await connect(try await daemon.port(of: "tls"), "/ws?client=7")
        try await eventually { try await api("GET", "/v1/clients/7").json()["connections"] as? Int == 2 }
        try await api("POST", "/v1/messages", #"{"to":[7],"message":1}"#)
        #expect(try await plain.next() == .text("1"))
        #expect(try await encrypted.next() == .text("1"))
    }

    @Test("Connect URLs begin with wss where only TLS listens")
    func connectURL() async throws {
        var manifest = Manifest.tls(certificate, gateway: ["listen": "none"], node: ["name": "n1"])
        manifest.auth = ["auth.token"]
        let daemon = try await Daemon.start(manifest)
        let answer = try await API(port: daemon.apiPort)("POST", "/v1/connect-url", #"{"client":7}"#)
        #expect(answer.text.contains("wss://n1/ws?token="), "\(answer.text)")
    }

    @Test(
        "TLS 1.2 and 1.3 are spoken, older versions are not",
        arguments: [("1.2", ["-tls1_2", "-tls1_3"]), ("1.3", ["-tls1_3"])])
    func versions(minimum: String, accepted: [String]) async throws {
        let daemon = try await Daemon.start(
            .tls(certificate, gateway: ["listen": "none", "tls_minimum_version": "\"\(minimum)\""]))
        for version in ["-tls1_1", "-tls1_2", "-tls1_3"] {
            let options = [version, "-CAfile", authority.file, "-verify_return_error", "-cipher", "DEFAULT@SECLEVEL=0"]
            let shown = try? await showConnection(to: daemon.gatewayPort, options)
            #expect((shown != nil) == accepted.contains(version), "\(version)")
        }
    }

    @Test("After SIGHUP new connections get the new certificate, and old ones live on")
    func reload() async throws {
        let daemon = try await Daemon.start(.tls(certificate))
        let api = API(port: daemon.apiPort)
        let port = try await daemon.port(of: "tls")
        let old = try await connect(port, "/ws?client=1")
        try await api.online("1")
        #expect(try await showConnection(to: port).contains("CN = first"))
        let end = try #require(try await daemon.metric("freeim_gateway_tls_certificate_end_timestamp_seconds"))
        #expect(abs(end - Date.now.timeIntervalSince1970 - 365 * 86_400) < 86_400)

        try await authority.issue("node", subject: "second", days: 100)
        daemon.signal(SIGHUP)
        try await eventually { daemon.logText.contains("] reloaded") }
        #expect(try await showConnection(to: port).contains("CN = second"))
        let new = try await connect(port, "/ws?client=2")
        try await api.online("2")
        try await api("POST", "/v1/messages", #"{"to":[1,2],"message":1}"#)
        #expect(try await old.texts(1) == ["1"])
        #expect(try await new.texts(1) == ["1"])
        #expect(try await daemon.metric("freeim_gateway_tls_certificate_end_timestamp_seconds") ?? end < end)
    }

    @Test("Where the new files are bad, the log says what to do and the old certificate stays")
    func badReload() async throws {
        let daemon = try await Daemon.start(.tls(certificate))
        let port = try await daemon.port(of: "tls")
        let secret = try String(contentsOfFile: certificate.key, encoding: .utf8).split(separator: "\n")[1]
        let other = try await authority.issue("other")
        try FileManager.default.removeItem(atPath: certificate.key)
        try FileManager.default.copyItem(atPath: other.key, toPath: certificate.key)
        daemon.signal(SIGHUP)
        try await eventually { daemon.logText.contains("reload failed, what was read before stays in use") }
        #expect(
            daemon.logText.contains("the key in \(certificate.key) does not fit the certificate in \(certificate.file)")
        )
        #expect(try await showConnection(to: port).contains("CN = first"))
        #expect(try await daemon.metric("freeim_gateway_tls_reload_failures_total") == 1)
        #expect(!daemon.logText.contains(secret))
        #expect(!daemon.logText.contains("PRIVATE KEY"))
    }

    @Test("SIGHUP leaves a node without certificates as it is, also many times")
    func nothingToReload() async throws {
        let daemon = try await Daemon.start()
        let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?client=1")
        let api = API(port: daemon.apiPort)
        try await api.online("1")
        for _ in 0..<50 { daemon.signal(SIGHUP) }
        try await api("POST", "/v1/messages", #"{"to":[1],"message":1}"#)
        #expect(try await terminal.next() == .text("1"))
        #expect(await daemon.stop() == 0)
    }

    @Test("A client that does not get on with its TLS handshake is cut", arguments: [nil, Duration.milliseconds(200)])
    func dawdling(pause: Duration?) async throws {
        let daemon = try await Daemon.start(
            .tls(
                certificate, gateway: ["handshake_timeout": "1s", "close_timeout": "60s"], node: ["log_level": "debug"])
        )
        let start = ContinuousClock.now
        let socket = try await RawSocket(port: try await daemon.port(of: "tls"))
        // The head of a record, which never comes to its end.
        var bytes: [UInt8] = [22, 3, 1, 2, 0]
        while let pause, try await !socket.isClosed(within: pause) {
            try await socket.send([bytes.isEmpty ? 0 : bytes.removeFirst()])
        }
        #expect(try await socket.isClosed(within: .seconds(5)))
        #expect(ContinuousClock.now - start < .seconds(4))
        #expect(socket.received.isEmpty)
        #expect(try await daemon.metric("freeim_gateway_tls_failures_total") == 1)
        #expect(daemon.logText.contains("im.reason=cut before it was over"))
    }

    @Test(
        "A client that came to the wrong listener is let go, with a line in the log and nothing more",
        arguments: [
            ("tls", Array("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n".utf8), "an HTTP request without TLS"),
            ("plain", [22, 3, 1, 0, 5, 1, 0, 0, 1, 3], "TLS on a listener in clear"),
        ])
    func wrongListener(kind: String, bytes: [UInt8], reason: String) async throws {
        let daemon = try await Daemon.start(.tls(certificate, node: ["log_level": "debug"]))
        let socket = try await RawSocket(port: try await daemon.port(of: kind))
        try await socket.send(bytes)
        #expect(try await socket.isClosed(within: .seconds(5)))
        #expect(!String(decoding: socket.received, as: UTF8.self).contains("HTTP"))
        try await eventually { try await daemon.metric("freeim_gateway_tls_failures_total") == 1 }
        #expect(daemon.logText.contains("im.reason=\(reason)"))
        #expect(daemon.logText.contains("TLS handshake failed"))
    }

    @Test("The API has both listeners, and SIGHUP is for its certificate too")
    func api() async throws {
        var manifest = Manifest()
        manifest.api = [
            "tls_listen": "\"127.0.0.1:0\"", "tls_certificate": certificate.file, "tls_key": certificate.key,
        ]
        let daemon = try await Daemon.start(manifest)
        let port = try await daemon.port(of: "tls", "API listening")
        #expect(try await showConnection(to: port).contains("CN = first"))
        try await authority.issue("node", subject: "second")
        daemon.signal(SIGHUP)
        try await eventually { daemon.logText.contains("] reloaded") }
        #expect(try await showConnection(to: port).contains("CN = second"))
        #expect(try await daemon.metric("freeim_api_tls_certificate_end_timestamp_seconds") ?? 0 > 0)
    }
}
