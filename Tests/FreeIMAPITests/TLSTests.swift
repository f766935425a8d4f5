import CertificateTestSupport
import FreeIMAPI
import FreeIMCore
import FreeIMTestSupport
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Testing

@Suite("TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    private let authority: CertificateAuthority
    private let certificate: Certificate

    init() async throws {
        authority = try await CertificateAuthority()
        certificate = try await authority.issue("api")
    }

    private var listener: TLSListener {
        TLSListener(
            listen: ListenAddress(host: "127.0.0.1", port: 0), certificateFile: certificate.file,
            keyFile: certificate.key)
    }

    private func context(showing own: Certificate? = nil) throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.trustRoots = .file(authority.file)
        if let own {
            settings.certificateChain = try NIOSSLCertificate.fromPEMFile(own.file).map { .certificate($0) }
            settings.privateKey = .privateKey(try NIOSSLPrivateKey(file: own.key, format: .pem))
        }
        return try NIOSSLContext(configuration: settings)
    }

    /// Whether a request is answered.
    private func isServed(_ client: HTTPClient, showing own: Certificate? = nil) async throws -> Bool {
        var client = client
        client.tls = try context(showing: own)
        do {
            return try await client.send(.GET, "/v1/clients").status == 200
        } catch {
            // An alert, or the end of the connection.
            return false
        }
    }

    @Test("A listener in clear and one over TLS serve side by side")
    func both() async throws {
        try await withAPI {
            $0.tls = listener
        } _: { api throws in
            #expect(try await api.get("/v1/clients").status == 200)
            let port = try #require(api.tlsPort)
            #expect(try await isServed(HTTPClient(port: port)))
        }
    }

    @Test("An address' connections to both listeners count together, and one too many is told so over TLS as well")
    func connectionsPerAddress() async throws {
        try await withAPI {
            $0.tls = listener
            $0.addresses.connectionsPerAddress = 1
            $0.addresses.exemptAddresses = []
        } _: { api throws in
            var client = HTTPClient(port: try #require(api.tlsPort))
            client.tls = try context()
            let held = try await api.client.hold()
            let answer = try await client.send(.GET, "/health/live")
            #expect(answer.status == 429)
            #expect(answer.body.contains("too_many_connections"))
            try await held.close().get()
            try await eventually { (try? await client.send(.GET, "/health/live").status) == 200 }
        }
    }

    @Test("TLS may be all there is")
    func alone() async throws {
        try await withAPI {
            $0.listen = nil
            $0.tls = listener
        } _: { api throws in
            #expect(try await isServed(api.client))
            #expect(try await !api.client.exchange("GET /v1/clients HTTP/1.1\r\nHost: a\r\n\r\n").contains("HTTP"))
        }
    }

    @Test(
        "Clients need a certificate of the authority, or may come without one, and never with another",
        arguments: [TLSListener.ClientCertificates.required, .optional])
    func clientCertificates(demand: TLSListener.ClientCertificates) async throws {
        let clients = try await CertificateAuthority(name: "Clients")
        let known = try await clients.issue("known")
        let ended = try await clients.issue("ended", days: -1)
        let foreign = try await authority.issue("foreign")
        try await withAPI {
            $0.listen = nil
            $0.tls = listener
            $0.tls?.clientAuthorityFile = clients.file
            $0.tls?.clientCertificates = demand
        } _: { api throws in
            #expect(try await isServed(api.client, showing: known))
            #expect(try await isServed(api.client) == (demand == .optional))
            #expect(try await !isServed(api.client, showing: foreign))
            #expect(try await !isServed(api.client, showing: ended))
        }
    }

    @Test("A client that says nothing on the TLS listener is cut after request_timeout")
    func silent() async throws {
        let start = ContinuousClock.now
        try await withAPI {
            $0.listen = nil
            $0.tls = listener
            $0.requestTimeout = .milliseconds(250)
        } _: { api throws in
            #expect(try await api.client.exchange("").isEmpty)
        }
        #expect(ContinuousClock.now - start < .seconds(10))
    }

    @Test("A TLS client on the listener in clear is let go without an answer")
    func misdirected() async throws {
        try await withAPI { api throws in
            #expect(try await api.client.exchange("\u{16}\u{3}\u{1}\u{0}\u{5}\u{1}").isEmpty)
        }
    }

    @Test("Beyond loopback a key is needed over TLS as well")
    func remote() throws {
        var configuration = HTTPAPIConfiguration()
        configuration.tls = listener
        configuration.tls?.listen = ListenAddress(host: "0.0.0.0", port: 6_443)
        let error = #expect(throws: ModuleError.self) { try configuration.makeAPI() }
        #expect(error?.message.contains("refuses to listen on 0.0.0.0:6443 without a key") == true)
    }

    @Test("An API that listens nowhere, and one without its files, cannot be made")
    func impossible() throws {
        var configuration = HTTPAPIConfiguration()
        configuration.listen = nil
        #expect(throws: ModuleError.self) { try configuration.makeAPI() }
        configuration.tls = listener
        configuration.tls?.keyFile = "/nowhere"
        let error = #expect(throws: ModuleError.self) { try configuration.makeAPI() }
        #expect(error?.message == "'tls_key' of api.http: there is no file /nowhere; put it there, or name another")
    }
}

extension HTTPAPIConfiguration {
    fileprivate func makeAPI() throws(ModuleError) {
        _ = try HTTPAPI(self, eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: .silent)
    }
}
