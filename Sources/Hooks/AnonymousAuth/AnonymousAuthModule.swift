public import FreeIMCore

extension ModuleFactory where Product == any AuthHook {
    /// `auth.anonymous`
    public static var anonymous: Self {
        Self(
            "anonymous", "Lets anyone in under the id they say; for tests, demos and public rooms",
            configuration: AnonymousAuthConfiguration.self
        ) { configuration, _ in AnonymousAuth(configuration) }
    }
}
