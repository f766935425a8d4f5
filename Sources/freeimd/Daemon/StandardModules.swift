public import FreeIMCore
import FreeIMAPI
import FreeIMAnonymousAuth
import FreeIMJWTAuth
import FreeIMMemory
import FreeIMRedis
import FreeIMRedisPresence
import FreeIMTokenAuth

extension ModuleCatalog {
    /// The modules that `freeimd` has in the box.
    public static var standard: ModuleCatalog {
        var catalog = ModuleCatalog()
        catalog.gateways = [.webSocket]
        catalog.transports = [.memory, .redis]
        catalog.authHooks = [.token, .jwt, .anonymous]
        catalog.presenceHooks = [.memory, .redis]
        catalog.features = [.direct, .channels, .eventBus]
        catalog.apis = [.httpAPI]
        return catalog
    }
}
