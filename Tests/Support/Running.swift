import Logging
public import ServiceLifecycle

/// Runs services while `body` does its work, then stops them gracefully and waits for their end.
public func running<Result: Sendable>(
    _ services: [any Service], _ body: () async throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let serviceGroup = ServiceGroup(services: services, logger: logger)
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await serviceGroup.run() }
        let result = try await body()
        await serviceGroup.triggerGracefulShutdown()
        try await group.waitForAll()
        return result
    }
}
