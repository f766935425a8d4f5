public import FreeIMCore
public import Logging
public import NIOCore
public import RedisClient
public import ServiceLifecycle
import Synchronization

/// One Redis client that several modules of a node share; run once, by the module that made it.
public final class RedisLink: Service {
    public let client: RedisClient
    /// Stands before every key; never before pub/sub channels.
    public let keyPrefix: String
    private let observers: Observers

    /// - Parameter eventLoop: the loop of the client and of all calls to its subscribers.
    /// - Throws: ``ModuleError/Code/invalidValue`` for options that cannot be used.
    public init(_ options: RedisOptions, eventLoop: any EventLoop, logger: Logger) throws(ModuleError) {
        let observers = Observers()
        let configuration = try options.clientConfiguration()
        do {
            client = try RedisClient(configuration, eventLoop: eventLoop, logger: logger) { observers.tell($0) }
        } catch {
            throw ModuleError(.invalidValue, "cannot use its options for Redis: \(error.message)")
        }
        keyPrefix = options.keyPrefix
        self.observers = observers
    }

    /// Runs the client until graceful shutdown or cancellation; what was handed in before is still sent and answered.
    ///
    /// - Throws: ``TransportError`` where the client cannot be run at all: certificates that cannot be read.
    public func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.client.run() }
        } catch let error as RedisError {
            throw TransportError(redis: error)
        }
    }

    /// Returns when Redis answers; throws on cancellation.
    public func ready() async throws {
        while true {
            do {
                _ = try await client.send(RedisCommand("PING"))
                return
            } catch {
                try Task.checkCancellation()
                // A command waits for Redis; this is for what fails at once.
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Tells of each change of a connection, on the client's event loop; to be called before the client is run.
    /// Observers live as long as the link, and must not block.
    public func observe(_ observer: @escaping @Sendable (RedisEvent) -> Void) {
        observers.add(observer)
    }
}

private final class Observers: Sendable {
    private let all = Mutex<[@Sendable (RedisEvent) -> Void]>([])

    func add(_ observer: @escaping @Sendable (RedisEvent) -> Void) {
        all.withLock { $0.append(observer) }
    }

    func tell(_ event: RedisEvent) {
        for observer in all.withLock({ $0 }) { observer(event) }
    }
}
