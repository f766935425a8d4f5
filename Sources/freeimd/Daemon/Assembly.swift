import FreeIMCore
import Logging
import NIOCore
import ServiceLifecycle

/// A node built from a manifest, ready to run.
struct Assembly {
    let node: Node
    let settings: NodeSection
    /// In the order of a `ServiceGroup`, each with the id of its module.
    let services: [(id: String, service: any Service)]
    /// The ids of all modules, in the order of the manifest.
    let modules: [ModuleID]
    /// The modules that can read again what lies outside the manifest.
    let reloads: [(id: ModuleID, module: any Reloads)]
    /// What the gateway lets in; nil where it has no limit.
    let maximumConnections: Int?

    init(_ plan: Assembler.Plan, eventLoopGroup: any EventLoopGroup, logger: Logger) throws(ManifestErrors) {
        var builder = Builder(logger: logger, eventLoopGroup: eventLoopGroup)
        let gateway = builder.build(plan.gateway)
        builder.name(plan, gateway: gateway)
        let transport = builder.build(plan.transport)
        builder.context.transport = transport
        let presence = builder.build(plan.presence)
        builder.context.presence = presence
        let authHooks = builder.buildAll(plan.authHooks)
        let messageHooks = builder.buildAll(plan.messageHooks)
        let features = builder.buildAll(plan.features)
        guard let gateway, let transport, let presence else { throw ManifestErrors(builder.problems) }
        var configuration = NodeConfiguration(
            identity: builder.context.node, transport: transport, presence: presence,
            authHooks: authHooks.map(\.product), features: features.map(\.product), eventLoopGroup: eventLoopGroup,
            logger: logger)
        configuration.messageHooks = messageHooks.map(\.product) + configuration.messageHooks
        configuration.maximumMessage = plan.settings.maxMessage
        configuration.shutdownTimeout = plan.settings.shutdownTimeout
        configuration.lagWarning = plan.settings.lagWarning
        let node: Node
        let edge: any Service
        do {
            node = try Node(configuration)
            edge = try gateway.service(on: node)
        } catch {
            var error = error
            // What does not fit together shows in how the node is told or where it listens.
            if error.location == nil { error.location = plan.manifest.node?.location ?? plan.gateway.location }
            throw ManifestErrors(builder.problems + [error])
        }
        guard builder.problems.isEmpty else { throw ManifestErrors(builder.problems) }
        self.node = node
        self.services =
            [("\(plan.transport.id)", transport), ("\(plan.presence.id)", presence)]
            + Self.services(of: authHooks) + Self.services(of: messageHooks) + [("node", node)]
            + features.flatMap { feature in feature.product.services(on: node).map { ("\(feature.id)", $0) } }
            + [("\(plan.gateway.id)", edge)]
        let products: [(id: ModuleID, product: Any)] =
            [(plan.gateway.id, gateway), (plan.transport.id, transport), (plan.presence.id, presence)]
            + authHooks.map { ($0.id, $0.product) } + messageHooks.map { ($0.id, $0.product) }
            + features.map { ($0.id, $0.product) }
        self.reloads = products.compactMap { built in (built.product as? any Reloads).map { (built.id, $0) } }
        self.settings = plan.settings
        self.modules = plan.manifest.entries.map(\.id)
        self.maximumConnections = gateway.maximumConnections
    }

    private static func services<Product>(of hooks: [Built<Product>]) -> [(id: String, service: any Service)] {
        hooks.flatMap { hook in
            ((hook.product as? any RunsServices)?.services ?? []).map { ("\(hook.id)", $0) }
        }
    }

    private struct Built<Product> {
        let id: ModuleID
        let product: Product
    }

    /// Builds modules and gathers what cannot be built.
    private struct Builder {
        let logger: Logger
        var context: ModuleContext
        var problems: [ModuleError] = []

        init(logger: Logger, eventLoopGroup: any EventLoopGroup) {
            self.logger = logger
            self.context = ModuleContext(
                id: ModuleID(role: .gateway, type: ""), logger: logger, eventLoopGroup: eventLoopGroup,
                node: NodeIdentity(name: ""))
        }

        mutating func name(_ plan: Assembler.Plan, gateway: (any Gateway)?) {
            let settings = plan.settings
            let listen = gateway?.listen
            let publicURL =
                settings.publicURL
                ?? (gateway?.isEncrypted == true
                    ? NodeIdentity.defaultEncryptedPublicURL : NodeIdentity.defaultPublicURL)
            // Nobody can connect to `0.0.0.0`, which would be the node's name and in its connect URLs.
            if let listen, listen.isWildcard, settings.name == nil, publicURL.contains("{server}") {
                problems.append(
                    ModuleError(
                        .missingValue,
                        """
                        \(plan.gateway.id) listens on all addresses (\(listen)), so say where terminals connect: set the \
                        node's 'public_url', 'wss://im.example.com{path}' for instance, or its 'name'
                        """, at: plan.gateway.location))
            }
            context.node = NodeIdentity(
                name: settings.name ?? listen?.description ?? "",
                servers: settings.servers.isEmpty ? nil : settings.servers, path: gateway?.path ?? "/ws",
                publicURL: publicURL, dialects: settings.dialects)
        }

        mutating func buildAll<Product>(_ planned: [Assembler.Planned<Product>]) -> [Built<Product>] {
            var built: [Built<Product>] = []
            for planned in planned {
                if let product = build(planned) { built.append(Built(id: planned.id, product: product)) }
            }
            return built
        }

        /// nil where it cannot be built; the problem is gathered.
        mutating func build<Product>(_ planned: Assembler.Planned<Product>) -> Product? {
            var context = context
            context.id = planned.id
            context.logger[metadataKey: LogKey.module] = "\(planned.id)"
            do throws(ModuleError) {
                return try planned.build(context)
            } catch {
                var error = error
                error.message = "\(planned.id) \(error.message)"
                if error.location == nil { error.location = planned.location }
                problems.append(error)
                return nil
            }
        }
    }
}
