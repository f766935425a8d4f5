/// The modules that a daemon knows, a list per role. A custom daemon appends its own.
public struct ModuleCatalog: Sendable {
    public var gateways: [ModuleFactory<any Gateway>] = []
    public var transports: [ModuleFactory<any Transport>] = []
    public var authHooks: [ModuleFactory<any AuthHook>] = []
    public var presenceHooks: [ModuleFactory<any PresenceHook>] = []
    public var messageHooks: [ModuleFactory<any MessageHook>] = []
    public var features: [ModuleFactory<any Feature>] = []
    /// The modules of the role `api`.
    public var apis: [ModuleFactory<any Feature>] = []
    /// The modules of the role `sink`.
    public var sinks: [ModuleFactory<any Feature>] = []

    public init() {}
}
