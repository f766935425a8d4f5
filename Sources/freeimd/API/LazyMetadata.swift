import Logging

/// Keeps a request's metadata as it is until something is logged, which is rare: Hummingbird makes a logger with an
/// identifier for each request, and handlers write their metadata down when it is set.
struct LazyMetadata: LogHandler {
    private var handler: any LogHandler
    var metadata: Logger.Metadata = [:]

    init(_ handler: any LogHandler) {
        self.handler = handler
    }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] ?? handler[metadataKey: key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var handler = handler
        for (key, value) in metadata { handler[metadataKey: key] = value }
        handler.log(event: event)
    }
}
