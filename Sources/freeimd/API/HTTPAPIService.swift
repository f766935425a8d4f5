import FreeIMCore
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The API's listeners.
struct HTTPAPIService: Service, CustomStringConvertible {
    let configuration: HTTPAPIConfiguration
    /// In the order in which they are bound.
    let entrances: [Entrance]
    let responder: RouterResponder<APIContext>
    let pending: PendingBodies
    let addresses: Addresses
    let eventLoopGroup: any EventLoopGroup
    let logger: Logger
    let onListening: @Sendable (SocketAddress) -> Void

    /// Silence on a connection without a request, or within a request's head, after which it is closed.
    private static let idleTimeout = Duration.seconds(60)

    static let id = "api.http"

    /// What logs call it; its configuration holds keys.
    var description: String { Self.id }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pending.run() }
            defer { group.cancelAll() }
            try await serveAll()
        }
    }

    /// Until all listeners have been stopped, or one has failed.
    private func serveAll() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var turn: Gate?
            for entrance in entrances {
                let isBound = Gate()
                group.addTask { [turn] in
                    try await turn?.wait()
                    try await serve(entrance, isBound)
                }
                turn = isBound
            }
            try await group.waitForAll()
        }
    }

    private func serve(_ entrance: Entrance, _ isBound: Gate) async throws {
        let http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [FlushTogether()],
            idleTimeout: TimeAmount(Self.idleTimeout + configuration.requestTimeout))
        let application = Application(
            responder: responder,
            server: HTTPServerBuilder { responder in
                EntranceChannel(
                    entrance: entrance, deadline: TimeAmount(configuration.requestTimeout), addresses: addresses,
                    http: HTTP1Channel(responder: responder, configuration: http))
            },
            configuration: ApplicationConfiguration(
                address: .hostname(entrance.address.host, port: entrance.address.port),
                availableConnectionsDelegate: .maximum(configuration.maxConnections, logger: serverLogger)),
            onServerRunning: { channel in
                listening(on: channel.localAddress, entrance)
                isBound.open()
            },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: serverLogger)
        do {
            try await application.run()
        } catch {
            if isBound.isOpen || error is CancellationError { throw error }
            throw ListenError(entrance.address, setting: entrance.setting, cause: error)
        }
    }

    /// Hummingbird tells at `info` what one line of ours says.
    private var serverLogger: Logger {
        var quiet = Logger(label: logger.label) { _ in LazyMetadata(logger.handler) }
        quiet.logLevel = max(logger.logLevel, .notice)
        return quiet
    }

    private func listening(on address: SocketAddress?, _ entrance: Entrance) {
        guard let address, let port = address.port else { return }
        let bound = ListenAddress(host: entrance.address.host, port: port)
        var metadata: Logger.Metadata = [LogKey.address: "\(bound)", LogKey.listener: entrance.kind]
        if configuration.demo { metadata["demo page"] = "\(entrance.isEncrypted ? "https" : "http")://\(bound)/" }
        logger.info("API listening", metadata: metadata)
        onListening(address)
    }
}
