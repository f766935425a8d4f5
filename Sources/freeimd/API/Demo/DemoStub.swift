import FreeIMCore
import Hummingbird
struct DemoChat: MessageHook { init() {} }
enum DemoRoutes { static func add(to router: Router<APIContext>, messenger: Messenger) {} }
