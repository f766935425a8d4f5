import Foundation
import FreeIMTestSupport
import NIOCore
import RedisClient
import RedisTestSupport
import Testing

@Suite("Over TLS", .enabled(if: RedisServer.hasTLS, "\(RedisServer.noTLS)"))
struct TLSTests {
    private func withTLSServer(
        clients: String = "no", names: String = "DNS:localhost,IP:127.0.0.1",
        _ body: (RedisServer, RedisClientConfiguration) async throws -> Void
    ) async throws {
        try await RedisTestSupport.withTLSServer(clients: clients, names: names) { server in
            var configuration = try RedisClientConfiguration(url: "rediss://127.0.0.1:\(server.port)/1")
            configuration.tls?.caFile = "\(server.directory)/ca.crt"
            configuration.backoff.initial = .milliseconds(10)
            try await body(server, configuration)
        }
    }

    @Test("a client verifies the server by address or by name, and works as in clear")
    func verified() async throws {
        try await withTLSServer { server, configuration in
            for host in ["127.0.0.1", "localhost"] {
                var configuration = configuration
                configuration.endpoint = .tcp(host: host, port: server.port)
                try await withClient(configuration) { client, _ async throws in
                    let recorder = Recorder()
                    try await client.subscribe(recorder, to: ["c"])
                    let big = ByteBuffer(repeating: 7, count: 1 << 20)
                    _ = try await client.send(RedisCommand("SET", "big", .bytes(big)))
                    #expect(try await client.send(RedisCommand("GET", "big")) == .bulk(big))
                    _ = try await client.pipeline((0..<500).map { RedisCommand("PUBLISH", "c", .integer($0)) })
                    try await eventually { recorder.messages.count == 500 }
                }
            }
        }
    }

    @Test("a name other than the certificate's ends the attempt")
    func wrongName() async throws {
        try await withTLSServer(names: "DNS:localhost") { _, configuration in
            var configuration = configuration
            configuration.tls?.serverName = "other.example"
            try await withClient(configuration) { _, log async throws in
                try await eventually { log.reasons().count >= 2 }
                #expect(log.readies(.commands).isEmpty)
            }
        }
    }

    @Test("an unknown authority ends the attempt")
    func unknownAuthority() async throws {
        try await withTLSServer { _, configuration in
            var configuration = configuration
            configuration.tls?.caFile = nil
            try await withClient(configuration) { _, log async throws in
                try await eventually { log.reasons().count >= 2 }
                #expect(log.readies(.commands).isEmpty)
            }
        }
    }

    @Test("a server that wants a certificate of the client gets it")
    func clientCertificate() async throws {
        try await withTLSServer(clients: "yes") { server, configuration in
            try await withClient(configuration) { _, log async throws in
                try await eventually { log.reasons().count >= 2 }
                #expect(log.readies(.commands).isEmpty)
            }
            var configuration = configuration
            configuration.tls?.certificateFile = "\(server.directory)/client.crt"
            configuration.tls?.keyFile = "\(server.directory)/client.key"
            try await withClient(configuration) { client, _ async throws in
                #expect(try await client.send(RedisCommand("PING")).string == "PONG")
            }
        }
    }

    @Test("a silent server is given up without waiting for its leave")
    func silent() async throws {
        try await withTLSServer { server, configuration in
            var configuration = configuration
            configuration.commandTimeout = .seconds(20)
            configuration.peerTimeout = .milliseconds(500)
            try await withClient(configuration) { client, log async throws in
                _ = try await client.send(RedisCommand("PING"))
                server.signal(SIGSTOP)
                let clock = ContinuousClock()
                let start = clock.now
                #expect(await redisError { try await client.send(RedisCommand("PING")) }?.code == .connectionLost)
                try await eventually { log.reasons().first?.code == .timeout }
                #expect(clock.now - start < .seconds(4))
                server.signal(SIGCONT)
            }
        }
    }
}
