import FreeIMCore
import Logging
import NIOCore

/// The manifest's `node:`.
struct NodeSection: ModuleConfiguration {
    /// nil: the gateway's listen address.
    var name: String?
    /// Empty: the node alone.
    var servers: [String] = []
    /// The generations of FreeIM whose names are served.
    var dialects = Dialect.allCases
    /// nil: that of the gateway's listener.
    var publicURL: String?
    /// 0: one per core.
    var threads = 0
    /// Bytes of a message to terminals, whichever way it comes.
    var maxMessage = ByteCount(MessagePayload.defaultMaximumBytes)
    var shutdownTimeout = Duration.seconds(30)
    /// Lateness of an event loop beyond which it is logged.
    var lagWarning = Duration.seconds(1)
    var logLevel = LogLevel.info

    /// ``threads``, or the cores' number as far as a node can use them.
    var eventLoops: Int {
        threads > 0 ? threads : min(System.coreCount, Self.maximumThreads)
    }

    private static let maximumThreads = 64

    enum LogLevel: String, SectionValue, CaseIterable {
        case trace, debug, info, notice, warning, error, critical

        var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
    }

    mutating func read(from section: inout Section) {
        section.read(
            "name", into: &name, Self.names, "The node's name on the bus; the gateway's 'listen' where it has none.")
        section.read(
            "servers", into: &servers, Self.names,
            "Names of all nodes, in the same order on every node and business service; none listed: this node alone.")
        var known: Set<String> = []
        for server in servers where !known.insert(server).inserted {
            section.problem("'servers' lists '\(server)' twice; each node has a name of its own", at: "servers")
        }
        section.read(
            "dialects", into: &dialects,
            "Generations of FreeIM whose names are served: v2 (numbers as ids) and v1 (GUIDs); the first for all else; both if none."
        )
        if Set(dialects).count < dialects.count {
            section.problem("'dialects' names one twice; each of v2 and v1 goes there once at most", at: "dialects")
        }
        section.read(
            "public_url", into: &publicURL,
            .custom("a ws:// or wss:// URL") { $0.hasPrefix("ws://") || $0.hasPrefix("wss://") },
            """
            Connect URL without its query; {server} and {path} stand for a node's name and the gateway's path. By default \
            \(NodeIdentity.defaultPublicURL), with wss where the gateway listens over TLS alone.
            """)
        section.read(
            "threads", into: &threads, .range(0...Self.maximumThreads), "Event loops for connections; 0: one per core.")
        section.read(
            "max_message", into: &maxMessage, .range(ByteCount(1_024)...ByteCount(MessagePayload.largestMaximumBytes)),
            "Bytes of a message to terminals: those of the API and the messenger are refused, those of the bus dropped."
        )
        section.read(
            "shutdown_timeout", into: &shutdownTimeout, .range(.seconds(1)...(.seconds(3_600))),
            "From SIGTERM to the end of the process; what is left then is cut.")
        section.read(
            "lag_warning", into: &lagWarning, .range(.milliseconds(10)...(.seconds(3_600))),
            "Lateness of an event loop beyond which a warning is logged.")
        section.read("log_level", into: &logLevel, "What is logged, to standard error.")
    }

    private static var names: Constraint<String> {
        .custom("a name without blanks") { !$0.isEmpty && !$0.contains(where: \.isWhitespace) }
    }
}
