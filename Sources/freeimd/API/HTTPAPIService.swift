import FreeIMCore
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle

/// The API's listener.
struct HTTPAPIService: Service, CustomStringConvertible {
    let configuration: HTTPAPIConfiguration
    let responder: RouterResponder<APIContext>
    let pending: PendingBodies
    let eventLoopGroup: any EventLoopGroup
    let logger: Logger
    let onListening: @Sendable (SocketAddress) -> Void

    /// Silence on a connection without a request, or within a request's head, after which it is closed.
    private static let idleTimeout = Duration.seconds(60)

    /// What logs call it; its configuration holds keys.
    var description: String { "api.http" }

    func run() async throws {
        let isBound = Gate()
        let application = Application(
            responder: responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [FlushTogether()],
                    idleTimeout: TimeAmount(Self.idleTimeout + configuration.requestTimeout))),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.listen.host, port: configuration.listen.port),
                availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: serverLogger)),
            onServerRunning: { channel in
                isBound.open()
                listening(on: channel.localAddress)
            },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: serverLogger)
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await pending.run() }
                defer { group.cancelAll() }
                try await application.run()
            }
        } catch {
            if isBound.isOpen || error is CancellationError { throw error }
            throw ListenError(configuration.listen, setting: "'listen' of api.http", cause: error)
        }
    }

    /// Hummingbird tells at `info` what one line of ours says.
    private var serverLogger: Logger {
        var quiet = Logger(label: logger.label) { _ in LazyMetadata(logger.handler) }
        quiet.logLevel = max(logger.logLevel, .notice)
        return quiet
    }

    private func listening(on address: SocketAddress?) {
        guard let address, let port = address.port else { return }
        let bound = ListenAddress(host: configuration.listen.host, port: port)
        var metadata: Logger.Metadata = [LogKey.address: "\(bound)"]
        if configuration.demo { metadata["demo page"] = "http://\(bound)/" }
        logger.info("API listening", metadata: metadata)
        onListening(address)
    }
}
