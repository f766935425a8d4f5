import FreeIMCore
import RedisClient

extension TransportError {
    /// What a failure of Redis means to who publishes or subscribes, and what can be done about it.
    init(redis error: any Error) {
        guard let error = error as? RedisError else {
            self.init(.unavailable, "Redis failed: \(error)", underlying: error)
            return
        }
        let unknown = "whether Redis took it is unknown: repeat what may arrive twice"
        let (code, message): (Code, String) =
            switch error.code {
            case .overloaded:
                (.overloaded, "\(error.message); slow down, or raise 'max_waiting' and 'max_waiting_bytes'")
            case .stopped: (.stopped, "the transport has been stopped")
            case .unavailable: (.unavailable, "\(error.message); check that Redis runs and that 'url' is right")
            // Unlike `unavailable` these come after it has been sent.
            case .timeout:
                (.unavailable, "\(error.message); \(unknown), and check Redis' load, or raise 'command_timeout'")
            case .connectionLost: (.unavailable, "\(error.message); \(unknown)")
            case .noPerm: (.unavailable, "\(error); let the user of 'url' publish and subscribe (ACL SETUSER ... &*)")
            case .tls: (.unavailable, error.message)
            default: (.unavailable, "\(error)")
            }
        self.init(code, message, underlying: error)
    }
}
