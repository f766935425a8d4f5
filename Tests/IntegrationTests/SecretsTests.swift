import Foundation
import FreeIMTestSupport
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

@Suite("No secret shows in logs, metrics, errors and checks", .serialized)
struct SecretsTests {
    private static let password = "R3dis-passw0rd-of-this-node"
    private static let keys = ["Key-number-1-f61b3a9c", "Key-number-2-0d44e7aa"]

    /// A cluster's node that logs everything, on a Redis with a password.
    private func manifest(_ server: RedisServer) -> Manifest {
        var manifest = Manifest()
        manifest.gateway = ["drain_rate": "0"]
        manifest.node = ["name": "n1", "log_level": "trace"]
        manifest.auth = ["auth.token"]
        manifest.bus = ["transport.redis": ["url": "\"redis://:\(Self.password)@127.0.0.1:\(server.port)\""]]
        manifest.presence = ["presence.redis": ["lease": "2s", "renewal": "500ms"]]
        manifest.api = ["keys": "[\(Self.keys.joined(separator: ", "))]"]
        return manifest
    }

    @Test("of a node whose tokens and keys are used, guessed and sent where they do not belong")
    func node() async throws {
        try await withServer("--requirepass", Self.password) { server in
            let daemon = try await Daemon.start(manifest(server))
            let api = API(port: daemon.apiPort)
            var secrets = Self.keys + [Self.password]
            var tokens: [String] = []
            for client in 1...3 {
                let key = Self.keys[client % 2]
                let answer = try await api("POST", "/v1/connect-url", "{\"client\":\(client)}", key: key)
                tokens.append(try #require(try answer.json()["token"] as? String))
            }
            secrets += tokens
            let terminal = try await Terminal.connect(daemon.gatewayPort, "/ws?token=\(tokens[0])")
            for (target, status) in [
                ("/ws?token=\(tokens[0])", 401), ("/ws?token=Guessed-token-77", 401), ("/ws?tokn=\(tokens[1])", 401),
                ("/ws?token=%zz\(tokens[1])", 400), ("/nowhere?token=\(tokens[1])", 404),
            ] {
                let refused = await #expect(throws: Terminal.Refused.self) {
                    try await Terminal.connect(daemon.gatewayPort, target)
                }
                #expect(refused?.status == status)
            }
            let request = "GET /ws?token=\(tokens[2]) HTTP/1.1\r\nno field \(tokens[2])\r\n\r\n"
            _ = await #expect(throws: Terminal.Refused.self) {
                try await Terminal.connect(daemon.gatewayPort, request: request)
            }
            #expect(try await api("GET", "/v1/clients", key: "Guessed-key-4711-aaaa").status == 401)
            #expect(try await api("GET", "/v1/\(Self.keys[0])", key: Self.keys[0]).status == 404)
            let malformed = try await api("POST", "/v1/messages", "{\"key\":\"\(Self.keys[0])\"", key: Self.keys[0])
            #expect(malformed.status == 400)
            #expect(try await api("POST", "/v1/\(tokens[1])", "\(tokens[1])", key: Self.keys[1]).status == 404)
            // Redis takes the password no more, from commands under way and from connections made anew.
            try await changePassword(of: server)
            try await eventually(within: .seconds(30)) { daemon.logText.contains("WRONGPASS") }
            #expect(try await api("POST", "/v1/connect-url", #"{"client":9}"#, key: Self.keys[0]).status == 503)
            let metrics = try await api("GET", "/metrics", key: Self.keys[1])
            #expect(metrics.status == 200)
            #expect(await daemon.stop() == 0)
            secrets += ["Guessed-token-77", "Guessed-key-4711-aaaa", "Another-passw0rd"]
            for secret in secrets {
                #expect(!daemon.logText.contains(secret), "\(secret) is in the log")
                #expect(!metrics.text.contains(secret), "\(secret) is in the metrics")
            }
            withExtendedLifetime(terminal) {}
        }
    }

    /// Sets another one, and ends the connections that know the old one.
    private func changePassword(of server: RedisServer) async throws {
        var configuration = server.configuration
        configuration.credentials = RedisCredentials(password: Self.password)
        let redis = try RedisClient(configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
        let run = Task { try await redis.run() }
        _ = try await redis.send(RedisCommand("CONFIG", "SET", "requirepass", "Another-passw0rd"))
        for kind in ["pubsub", "normal"] {
            _ = try await redis.send(RedisCommand("CLIENT", "KILL", "TYPE", .string(kind), "SKIPME", "yes"))
        }
        await redis.stop()
        _ = await run.result
    }

    @Test(
        "of a manifest with a mistake beside them",
        arguments: [
            ("redis-url", "redis://:SECRET@host:none"), ("redis-url", "redis://SECRET@host"),
            ("redis-url", "http://u:SECRET@host"), ("redis-url", "redis://:SE%zzSECRET@host"),
            ("redis-url", "[redis://:SECRET@host]"), ("redis-url", "{ redis://:SECRET@host: }"),
            ("redis-url", "redis://:SECRET@host, pasword: SECRET"), ("redis-url", "redis://:SECRET@host, url: SECRET"),
            ("redis-url", "redis://:SECRET@host, ca_file: ca.pem"),
            ("redis-url", "redis://:SECRET@host, command_timeout: soon"), ("redis-url", "\"redis://:SECRET@host"),
            ("redis-url", "\"redis://:${SECRET!}@host\""), ("redis-url", "\"redis://:${SECRET@host\""),
            ("redis-url", "\"${URL}\""), ("keys", "SECRET-and-more, kyes: [SECRET]"), ("keys", "SECRET"),
            ("keys", "{ SECRET-and-more: SECRET }"), ("keys", "[[SECRET-and-more]]"), ("keys", "[SECRET-and-more"),
            ("keys", "[SECRET-and-more], max_page: SECRETLY"), ("keys", "\"SECRET\u{1}SECRET\""),
            ("keys", "*SECRET-and-more"), ("keys", "[SECRET-and-more]\n  keys: [SECRET]"),
            ("keys", "[SECRET-and-more], listen: \":0\", demo: yes"), ("secrets", "SECRET"), ("secrets", "[[SECRET]]"),
            ("secrets", "{ SECRET: SECRET }"), ("secrets", "[SECRET], key_file: none"),
            ("secrets", "SECRET, leeway: SECRETLY"),
        ])
    func check(place: String, value: String) async throws {
        let secret = "S3cr3tW0rd"
        let text = value.replacing("SECRETLY", with: "many").replacing("SECRET", with: secret)
        let redis = place == "redis-url" ? text : "redis://127.0.0.1:6379"
        let keys = place == "keys" ? text : "[0123456789abcdef]"
        let secrets = place == "secrets" ? text : "0123456789abcdef0123456789abcdef"
        let manifest = """
            modules:
              - use: gateway.websocket
              - { use: transport.redis, with: { url: \(redis) } }
              - use: presence.redis
              - use: auth.token
              - { use: auth.jwt, with: { secrets: \(secrets) } }
              - { use: api.http, with: { keys: \(keys) } }
            """
        let file = FileManager.default.temporaryDirectory.appending(path: "freeim-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try manifest.write(to: file, atomically: true, encoding: .utf8)
        let outcome = try await Daemon.run(
            ["check", "-c", file.path], environment: ["URL": "redis://:\(secret)@host:none"])
        #expect(outcome.status == 78)
        #expect(!outcome.errors.isEmpty)
        for printed in [outcome.errors, outcome.output] { #expect(!printed.contains(secret), "\(printed)") }
    }
}
