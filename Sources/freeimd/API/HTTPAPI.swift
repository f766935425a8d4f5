public import FreeIMCore
import Hummingbird
public import Logging
public import NIOCore
public import ServiceLifecycle

/// `api.http`: what business services do over HTTP, on a listener of its own.
public struct HTTPAPI: Feature, Reloads {
    public let configuration: HTTPAPIConfiguration
    private let identity: TLSIdentity?
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let onListening: @Sendable (SocketAddress) -> Void

    /// - Parameters:
    ///   - eventLoopGroup: carries the listener and its connections; not shut down.
    ///   - onListening: told each bound address once, that of ``HTTPAPIConfiguration/listen`` first; of use with port 0.
    /// - Throws: ``ModuleError`` where strangers could reach the API, or its certificate cannot be used.
    public init(
        _ configuration: HTTPAPIConfiguration = HTTPAPIConfiguration(), eventLoopGroup: any EventLoopGroup,
        logger: Logger, onListening: @escaping @Sendable (SocketAddress) -> Void = { _ in }
    ) throws(ModuleError) {
        try configuration.validate()
        self.configuration = configuration
        self.identity = configuration.tls.map { TLSIdentity($0, owner: HTTPAPIService.id, part: "api") }
        try identity?.load()
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        self.onListening = onListening
    }

    /// Reads the certificate and the authorities of clients again.
    public func reload() async throws(ModuleError) {
        try identity?.reload()
    }

    public func configure(_ node: inout NodeConfiguration) {
        if configuration.demo { node.messageHooks.append(DemoChat()) }
    }

    public func services(on node: Node) -> [any Service] {
        var services: [any Service] = []
        if configuration.demo { services.append(DemoNotices(messenger: node.messenger, logger: logger)) }
        let pending = PendingBodies()
        let metrics = APIMetrics()
        let addresses = Addresses(configuration.addresses, metrics: metrics)
        services.append(
            HTTPAPIService(
                configuration: configuration,
                entrances: Entrance.all(
                    configuration.listen, identity, owner: HTTPAPIService.id,
                    failures: TLSFailures(part: "api", logger: logger)),
                responder: router(on: node, pending, addresses, metrics).buildResponder(), pending: pending,
                addresses: addresses, eventLoopGroup: eventLoopGroup, logger: logger, onListening: onListening))
        return services
    }

    private func router(
        on node: Node, _ pending: PendingBodies, _ addresses: Addresses, _ metrics: APIMetrics
    ) -> Router<APIContext> {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: AnswerErrors(logger: logger, metrics: metrics))
        HealthRoutes(readiness: Readiness(of: node)).add(to: router)
        if configuration.demo { DemoRoutes.add(to: router, messenger: node.messenger, pending) }

        MetricsRoute().add(to: guarded("metrics", of: router, addresses))
        let version1 = guarded("v1", of: router, addresses)
        let bodies = BodyReader(
            limit: configuration.maxBody.bytes, timeout: configuration.requestTimeout, pending: pending)
        let pages = PageReader(limit: configuration.maxPage)
        MessageRoutes(messenger: node.messenger, bodies: bodies).add(to: version1)
        ClientRoutes(messenger: node.messenger, bodies: bodies, pages: pages).add(to: version1)
        ClientChannelRoutes(messenger: node.messenger, bodies: bodies).add(to: version1)
        ChannelRoutes(messenger: node.messenger, bodies: bodies, pages: pages).add(to: version1)
        NodeRoutes(node: node, pages: pages).add(to: version1)
        router.refuseOtherMethods()
        return router
    }

    /// What only business services and operators may reach.
    private func guarded(
        _ path: RouterPath, of router: Router<APIContext>, _ addresses: Addresses
    ) -> RouterGroup<APIContext> {
        let group = router.group(path)
        if configuration.keys.isEmpty {
            group.add(middleware: RefuseBrowsers())
        } else {
            group.add(middleware: RequireKey(configuration.keys, addresses))
        }
        return group
    }
}
