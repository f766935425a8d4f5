import Foundation
import FreeIMTestSupport
import JWTKit
import Testing

@Suite("Tokens that the business signs")
struct JWTTests {
    private struct Claims: JWTPayload {
        var sub: String
        var exp = Date.now.addingTimeInterval(60)

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    /// A manifest with the public key in a file; the file is gone behind `body`.
    private func withKey(_ body: (_ path: String, _ key: ES256PrivateKey) async throws -> Void) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "freeim-\(UUID().uuidString).pem")
        let key = ES256PrivateKey()
        try Data(key.publicKey.pemRepresentation.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        try await body(file.path, key)
    }

    private func token(_ key: ES256PrivateKey, client: String = "alice") async throws -> String {
        try await JWTKeyCollection().add(ecdsa: key).sign(Claims(sub: client))
    }

    private func manifest(_ path: String) -> Manifest {
        Manifest(
            auth: ["auth.token", "auth.jwt"], authKeys: ["auth.jwt": ["key_file": path]], node: ["log_level": "trace"])
    }

    @Test("let terminals in beside one-time tokens, and no secret shows")
    func connect() async throws {
        try await withKey { path, key in
            let daemon = try await Daemon.start(manifest(path))
            let api = API(port: daemon.apiPort)
            let token = try await token(key)
            let signed = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token)")
            try await api.online("alice")
            let answer = try await api("POST", "/v1/connect-url", #"{"client":"bob"}"#).json()
            let oneTime = try #require(answer["token"] as? String)
            let issued = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(oneTime)")
            try await api.online("bob")
            try await api("POST", "/v1/messages", #"{"to":["alice","bob"],"message":"hello"}"#)
            #expect(try await signed.texts(1) == [#""hello""#])
            #expect(try await issued.texts(1) == [#""hello""#])
            let refused = try await #require(throws: Terminal.Refused.self) {
                try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token)x")
            }
            #expect(refused.status == 401)
            #expect(await daemon.stop() == 0)
            #expect(!daemon.logText.contains(token))
        }
    }

    @Test("A header with a number beyond all bounds is refused, and the node lives on")
    func hugeNumber() async throws {
        try await withKey { path, key in
            let daemon = try await Daemon.start(manifest(path))
            // {"alg":"ES256","x":1e300} and {"sub":1e300,"exp":1e300}
            let forged = "eyJhbGciOiJFUzI1NiIsIngiOjFlMzAwfQ.eyJzdWIiOjFlMzAwLCJleHAiOjFlMzAwfQ.AAAA"
            let refused = try await #require(throws: Terminal.Refused.self) {
                try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(forged)")
            }
            #expect(refused.status == 401)
            let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token(key))")
            try await API(port: daemon.apiPort).online("alice")
            withExtendedLifetime(terminal) {}
        }
    }

    @Test("After SIGHUP the new key counts; a file that cannot be used changes nothing and says why")
    func reload() async throws {
        try await withKey { path, key in
            let daemon = try await Daemon.start(manifest(path))
            let api = API(port: daemon.apiPort)
            let early = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token(key))")
            try await api.online("alice")
            try Data(key.pemRepresentation.utf8).write(to: URL(filePath: path))
            daemon.signal(SIGHUP)
            try await eventually { daemon.logText.contains("\(path) holds a private key") }
            #expect(try await daemon.metric("freeim_jwt_reload_failures_total") == 1)
            let meanwhile = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token(key, client: "bob"))")
            try await api.online("bob")

            let next = ES256PrivateKey()
            try Data(next.publicKey.pemRepresentation.utf8).write(to: URL(filePath: path))
            daemon.signal(SIGHUP)
            try await eventually { daemon.logText.contains("] reloaded") }
            await #expect(throws: Terminal.Refused.self) {
                try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token(key))")
            }
            let late = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(token(next, client: "carol"))")
            try await api.online("carol")
            try await api("POST", "/v1/messages", #"{"to":["alice","bob","carol"],"message":1}"#)
            for terminal in [early, meanwhile, late] { #expect(try await terminal.texts(1) == ["1"]) }
        }
    }
}
