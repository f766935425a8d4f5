package import Logging

/// The keys of log metadata.
package enum LogKey {
    package static let module = "im.module"
    package static let node = "im.node"
    package static let client = "im.client"
    package static let peer = "im.peer"
    package static let address = "im.address"
    /// `plain` or `tls`.
    package static let listener = "im.listener"
    package static let error = "im.error"
    package static let reason = "im.reason"
    package static let count = "im.count"
    package static let limit = "im.limit"
}

extension Logger {
    /// A logger that does nothing, for what is embedded without one.
    package static var silent: Logger {
        Logger(label: "freeim", factory: { _ in SwiftLogNoOpLogHandler() })
    }
}
