public import FreeIMCore

extension ModuleFactory where Product == any Feature {
    /// `api.http`
    public static var httpAPI: Self {
        Self("http", "HTTP API for business services, in JSON", configuration: HTTPAPIConfiguration.self) {
            configuration, context throws(ModuleError) in
            try HTTPAPI(configuration, eventLoopGroup: context.eventLoopGroup, logger: context.logger)
        }
    }
}
