public import FreeIMCore

extension ModuleFactory where Product == any AuthHook {
    /// `auth.jwt`
    public static var jwt: Self {
        Self("jwt", "JSON Web Tokens that the business signs", configuration: JWTAuthConfiguration.self) {
            (configuration, _) in JWTAuth(configuration)
        }
    }
}
