/// How a manifest entry of one type becomes a module.
public struct ModuleFactory<Product>: Sendable {
    /// The part of the id after the role, `redis` of `transport.redis`.
    public let type: String
    /// One line for `freeimd modules`.
    public let summary: String
    /// The modules without which this one makes no sense.
    public let needs: [ModuleNeed]
    /// Reads the manifest entry; the result allocates the module, without input or output.
    public let read: @Sendable (inout Section) -> Build

    public typealias Build = @Sendable (ModuleContext) throws(ModuleError) -> Product

    public init<Configuration: ModuleConfiguration>(
        _ type: String, _ summary: String, needs: [ModuleNeed] = [], configuration: Configuration.Type,
        build: @escaping @Sendable (Configuration, ModuleContext) throws(ModuleError) -> Product
    ) {
        self.type = type
        self.summary = summary
        self.needs = needs
        self.read = { section in
            var configuration = Configuration()
            configuration.read(from: &section)
            return { [configuration] context throws(ModuleError) in try build(configuration, context) }
        }
    }
}

/// A module that another one needs.
public enum ModuleNeed: Sendable, Hashable, CustomStringConvertible {
    /// Any module of the role.
    case role(ModuleRole)
    /// A module of exactly this role and type.
    case module(ModuleRole, type: String)

    public var description: String {
        switch self {
        case .role(let role): "a module of the role '\(role.rawValue)'"
        case .module(let role, let type): "\(role.rawValue).\(type)"
        }
    }
}

/// What a manifest says of one module. The properties' initial values are the defaults.
public protocol ModuleConfiguration: Sendable {
    init()
    /// Reads every key that the module knows, once each and in the order of its documentation.
    mutating func read(from section: inout Section)
}

/// The configuration of a module that cannot be told anything.
public struct NoConfiguration: ModuleConfiguration {
    public init() {}
    public func read(from section: inout Section) {}
}
