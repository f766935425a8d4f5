import FreeIMCore
import Hummingbird

/// For whoever supervises the process; without a key.
struct HealthRoutes: Sendable {
    let readiness: Readiness

    func add(to router: Router<APIContext>) {
        router.get("health/live") { _, _ -> JSONAnswer in ["status": .string("live")] }
        router.get("health/ready") { _, _ -> JSONAnswer in
            guard !readiness.isLeaving else {
                throw APIFault(
                    status: .serviceUnavailable, code: "going_away", message: "not ready: the node stops",
                    headers: APIFault.retryLater)
            }
            let missing = await readiness.missing()
            guard missing.isEmpty else {
                throw APIFault(
                    status: .serviceUnavailable, code: "not_ready",
                    message: "not ready: \(missing.joined(separator: ", "))", headers: APIFault.retryLater)
            }
            return ["status": .string("ready")]
        }
    }
}

/// Which parts of a node cannot work right now.
struct Readiness: Sendable {
    private struct Part: Sendable {
        let name: String
        let ready: @Sendable () async throws -> Void
    }

    private let lifecycle: NodeLifecycle
    private let parts: [Part]
    /// Of the whole node; its own subscription is the one part that cannot be asked alone.
    private let whole: Part

    /// How long a part may take to say that it is ready.
    private static let deadline = Duration.seconds(1)

    init(of node: Node) {
        let configuration = node.configuration
        var parts = [
            Part(name: "the transport", ready: configuration.transport.ready),
            Part(name: "the presence", ready: configuration.presence.ready),
        ]
        for hook in configuration.authHooks {
            parts.append(Part(name: "the auth hook \(type(of: hook))", ready: hook.ready))
        }
        self.parts = parts
        lifecycle = node.lifecycle
        whole = Part(name: "the node's subscription", ready: node.ready)
    }

    /// Whether nothing makes the node ready again.
    var isLeaving: Bool { lifecycle.phase == .leaving }

    func missing() async -> [String] {
        let parts = parts + [whole]
        let missing = await withTaskGroup(of: Int?.self) { group in
            for (number, part) in parts.enumerated() {
                group.addTask { await Self.isReady(part) ? nil : number }
            }
            return await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
        }
        // The whole is never ready without its parts.
        let names = missing.sorted().map { parts[$0].name }
        return names.count > 1 ? names.dropLast() : names
    }

    private static func isReady(_ part: Part) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await part.ready()
                    return true
                } catch {
                    return false
                }
            }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
    }
}
