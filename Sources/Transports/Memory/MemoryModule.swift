public import FreeIMCore

extension ModuleFactory where Product == any Transport {
    /// `transport.memory`
    public static var memory: Self {
        Self("memory", "The bus of one process", configuration: MemoryConfiguration.self) { configuration, context in
            MemoryTransport(configuration, eventLoopGroup: context.eventLoopGroup)
        }
    }
}

extension ModuleFactory where Product == any PresenceHook {
    /// `presence.memory`
    public static var memory: Self {
        Self(
            "memory", "Who is online and in which channels, of one process",
            configuration: MemoryPresenceConfiguration.self
        ) { (configuration, context) throws(ModuleError) in
            guard let transport = context.transport else {
                throw ModuleError(.missingModule, "presence.memory needs a transport; add 'use: transport.memory'")
            }
            return MemoryPresence(
                identity: context.node, transport: transport, devices: configuration.devices,
                channels: configuration.channels)
        }
    }
}
