public import FreeIMCore

extension ModuleFactory where Product == any AuthHook {
    /// `auth.token`
    public static var token: Self {
        Self("token", "One-time tokens, handed out in connect URLs", configuration: TokenAuthConfiguration.self) {
            configuration, _ in
            TokenAuth(
                store: MemoryTokenStore(limit: configuration.maxUnused), timeToLive: configuration.timeToLive)
        }
    }
}
