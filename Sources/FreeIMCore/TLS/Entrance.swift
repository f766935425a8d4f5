package import Logging
import Metrics
package import NIOCore

/// One listener of a module: where it listens, and whether in clear or over TLS.
package struct Entrance: Sendable {
    package let address: ListenAddress
    /// The manifest's key and its module, for messages.
    package let setting: String
    /// nil: in clear.
    private let identity: TLSIdentity?
    private let report: TLSFailures

    /// The listeners of a module, that in clear first.
    package static func all(
        _ listen: ListenAddress?, _ identity: TLSIdentity?, owner: String, failures: TLSFailures
    ) -> [Entrance] {
        let plain = listen.map {
            Entrance(address: $0, setting: "'listen' of \(owner)", identity: nil, report: failures)
        }
        let encrypted = identity.map {
            Entrance(
                address: $0.listener.listen, setting: "'\(TLSKey.listen)' of \(owner)", identity: $0, report: failures)
        }
        return [plain, encrypted].compactMap(\.self)
    }

    package var isEncrypted: Bool { identity != nil }
    /// The value of ``LogKey/listener``.
    package var kind: Logger.MetadataValue { isEncrypted ? "tls" : "plain" }

    /// What stands in front of an accepted socket's other handlers.
    ///
    /// - Parameter deadline: for the TLS handshake; nil where somebody else closes the channel in time.
    package func prepare(_ channel: any Channel, deadline: TimeAmount? = nil) throws {
        let pipeline = channel.pipeline.syncOperations
        guard let identity else { return try pipeline.addHandler(MisdirectedTLS(report: report)) }
        guard let handler = identity.makeHandler() else { throw ChannelError.operationUnsupported }
        try pipeline.addHandler(handler)
        try pipeline.addHandler(TLSOpening(report: report, deadline: deadline))
    }
}

/// Counts and logs TLS handshakes that come to nothing.
package struct TLSFailures: Sendable {
    private let counter: Counter
    private let logger: Logger

    /// - Parameter part: what metrics call the listeners' owner.
    package init(part: String, logger: Logger) {
        counter = Counter(label: "freeim_\(part)_tls_failures_total")
        self.logger = logger
    }

    func report(_ reason: String, on channel: any Channel, _ error: (any Error)? = nil) {
        counter.increment()
        logger.debug(
            "TLS handshake failed",
            metadata: [
                LogKey.reason: "\(reason)", LogKey.peer: "\(channel.remoteAddress?.description ?? "-")",
                LogKey.address: "\(channel.localAddress?.description ?? "-")",
                LogKey.error: "\(error.map { "\($0)" } ?? "-")",
            ])
    }
}
