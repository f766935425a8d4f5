import FreeIMAPI
import FreeIMCore
import InMemoryLogging
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@Suite("Listener", .timeLimit(.minutes(1)))
struct ServiceTests {
    @Test("A node is alive and ready")
    func ready() async throws {
        try await withAPI { api throws in
            #expect(try await api.get("/health/live").body == #"{"status":"live"}"#)
            #expect(try await api.get("/health/ready").body == #"{"status":"ready"}"#)
        }
    }

    @Test("A node without its bus is alive, and says within a second what it waits for")
    func notReady() async throws {
        let transport = AbsentTransport()
        try await withAPI(transport: transport) { api in
            #expect(try await api.get("/health/live").status == 200)
            let answer = try await api.get("/health/ready")
            #expect(answer.status == 503)
            #expect(answer.body == #"{"error":{"code":"not_ready","message":"not ready: the transport"}}"#)
            transport.returned.open()
            #expect(try await api.get("/health/ready").status == 200)
        }
    }

    @Test("A node that stops is alive and serves, but is not ready any more")
    func leaving() async throws {
        try await withAPI { api in
            api.lifecycle.leave()
            let answer = try await api.get("/health/ready")
            #expect(answer.status == 503)
            #expect(answer.body == #"{"error":{"code":"going_away","message":"not ready: the node stops"}}"#)
            #expect(try await api.get("/health/live").status == 200)
            #expect(try await api.get("/v1/clients").status == 200)
        }
    }

    @Test("The log names the bound address, and the demo page")
    func log() async throws {
        let log = InMemoryLogHandler()
        let logger = Logger(label: "api.http") { _ in log }
        let configure = { (configuration: inout HTTPAPIConfiguration) in configuration.demo = true }
        try await withAPI(configure, logger: logger) { api in
            let address = "127.0.0.1:\(api.client.port)"
            let entry = try #require(log.entries.first { $0.message == "API listening" })
            #expect(entry.metadata[LogKey.address] == "\(address)")
            #expect(entry.metadata["demo page"] == "http://\(address)/")
            #expect(log.entries.count == 1)
        }
    }

    @Test("A taken address ends the service with an error that names it")
    func taken() async throws {
        let holder = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(holder.localAddress?.port)
        let error = await #expect(throws: ListenError.self) {
            try await withAPI {
                $0.listen?.port = port
            } _: { _ in
            }
        }
        #expect(
            error?.description
                == "cannot listen on 127.0.0.1:\(port): the address is in use; choose another 'listen' of api.http")
        try await holder.close()
    }

    @Test("Requests follow one another on a connection")
    func keepAlive() async throws {
        try await withAPI { api in
            let request = "GET /v1/clients/7 HTTP/1.1\r\nHost: localhost\r\n"
            let answer = try await api.client.exchange("\(request)\r\n\(request)Connection: close\r\n\r\n")
            #expect(answer.split(separator: "HTTP/1.1 200 OK").count == 2)
            #expect(!answer.lowercased().contains("\r\nserver:"))
        }
    }
}
