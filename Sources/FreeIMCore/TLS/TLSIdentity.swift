import FoundationEssentials
import Metrics
package import NIOSSL
import Synchronization

/// The certificate that a TLS listener shows: read from its files, and again when those have changed.
package final class TLSIdentity: Sendable {
    package let listener: TLSListener
    /// What the listener belongs to, `gateway.websocket` for instance.
    private let owner: String
    private let current = Mutex<NIOSSLContext?>(nil)
    /// When the first certificate of the chain ends, in seconds since 1970.
    private let end: Gauge
    private let failures: Counter

    /// - Parameter part: what metrics call the owner.
    package init(_ listener: TLSListener, owner: String, part: String) {
        self.listener = listener
        self.owner = owner
        end = Gauge(label: "freeim_\(part)_tls_certificate_end_timestamp_seconds")
        failures = Counter(label: "freeim_\(part)_tls_reload_failures_total")
    }

    /// Reads the files; handshakes from now on use what they hold. Blocks as long as that takes.
    ///
    /// - Throws: everything that is wrong with them; what was read before stays in use then.
    package func load() throws(ModuleError) {
        let material: TLSMaterial
        do throws(TLSProblems) {
            material = try TLSMaterial(listener, now: .now)
        } catch {
            throw ModuleError(
                .invalidValue, error.problems.map { $0.text(of: owner) }.joined(separator: "; and "))
        }
        current.withLock { $0 = material.context }
        end.record(material.end.timeIntervalSince1970)
    }

    /// As ``load()``, for the files of a listener that runs.
    package func reload() throws(ModuleError) {
        do throws(ModuleError) {
            try load()
        } catch {
            failures.increment()
            throw error
        }
    }

    /// For one socket; nil before the files have been read.
    package func makeHandler() -> NIOSSLServerHandler? {
        guard let context = current.withLock({ $0 }) else { return nil }
        var configuration = NIOSSLServerHandler.Configuration()
        // Else each socket keeps a buffer of its largest write.
        configuration.maximumPreservedOutboundBufferCapacity = 4_096
        return NIOSSLServerHandler(context: context, configuration: configuration)
    }
}
