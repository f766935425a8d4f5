import CoreMetrics
import Foundation
import FreeIMCore
import Logging
import Metrics

/// The process's file descriptors, of which each connection takes one.
struct Descriptors: Sendable {
    /// Descriptors that may be open at a time.
    let limit: Int
    private let open = Gauge(label: "process_open_fds")
    private let maximum = Gauge(label: "process_max_fds")

    /// Beside connections: sockets that are only refused, the HTTP API, the bus, files.
    static let headroom = 2_048
    private static let interval = Duration.seconds(15)

    /// Raises the soft limit to the hard one. To be called before sockets are opened.
    static func raised() -> Descriptors {
        var limits = rlimit()
        guard getrlimit(resource, &limits) == 0 else { return Descriptors(limit: .max) }
        if limits.rlim_cur < limits.rlim_max {
            let before = limits.rlim_cur
            limits.rlim_cur = limits.rlim_max
            if setrlimit(resource, &limits) != 0 { limits.rlim_cur = before }
        }
        return Descriptors(limit: Int(clamping: limits.rlim_cur))
    }

    init(limit: Int) {
        self.limit = limit
    }

    /// What is wrong where the limit is too low for so many connections, with the remedy; nil where it is not.
    func problem(connections: Int?) -> String? {
        guard let connections, limit < connections.addingReportingOverflow(Self.headroom).partialValue else {
            return nil
        }
        return """
            the process may have \(limit) descriptors open, but the gateway's 'max_connections' of \(connections) needs \
            \(connections + Self.headroom); raise the hard limit (LimitNOFILE= of systemd, ulimit -Hn) or lower \
            'max_connections'
            """
    }

    /// Measures until it is cancelled.
    func run() async {
        maximum.record(limit)
        repeat {
            if let count = Self.openCount() { open.record(count) }
        } while (try? await Task.sleep(for: Self.interval)) != nil
    }

    /// proc(5): since Linux 6.2 the size of `/proc/self/fd` is the number of open descriptors; it is 0 before.
    static func openCount() -> Int? {
        let folder = "/proc/self/fd"
        let size = (try? FileManager.default.attributesOfItem(atPath: folder))?[.size] as? Int
        if let size, size > 0 { return size }
        return try? FileManager.default.contentsOfDirectory(atPath: folder).count
    }

    #if canImport(Glibc)
        private static var resource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var resource: Int32 { RLIMIT_NOFILE }
    #endif
}
