import FreeIMCore
import FreeIMRedis
import Logging
import NIOCore
import RedisClient

/// Runs presence's scripts.
final class PresenceStore: Sendable {
    let link: RedisLink
    let keys: PresenceKeys
    let configuration: RedisPresenceConfiguration
    let logger: Logger
    let metrics = PresenceMetrics()
    /// Publishes what scripts return; nil where they publish themselves, on the server of the bus.
    private let transport: (any Transport)?
    private let header: [RedisArgument]
    /// As scripts read it; empty without one.
    let policy: ByteBuffer
    private let waker: AsyncStream<Void>.Continuation
    /// Elements ask for ``Enlistment/work()``.
    let wakes: AsyncStream<Void>

    var client: RedisClient { link.client }

    init(
        _ configuration: RedisPresenceConfiguration, identity: NodeIdentity, link: RedisLink, transport: any Transport,
        logger: Logger
    ) {
        let isDirect = (transport as? RedisTransport)?.link === link
        self.link = link
        self.configuration = configuration
        self.logger = logger
        self.transport = isDirect ? nil : transport
        keys = PresenceKeys(identity: identity, keyPrefix: link.keyPrefix)
        header = keys.header(isDirect: isDirect)
        policy = configuration.devices.scriptText
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    func wake() { waker.yield() }
    func finishWakes() { waker.finish() }

    // MARK: Scripts

    /// - Parameter news: which elements of the answer are publications, as subjects and bodies in turn. They are
    ///   published in the order of the answers, so in the order in which the changes were stored.
    /// - Parameter reading: keys of whose changes this client is to hear. Redis before 7.2 remembers the keys that a
    ///   script declares, where the script reads anything; later versions those that it reads.
    func run(
        _ script: RedisScript, _ arguments: [RedisArgument], reading: [RedisArgument] = [],
        news: @escaping @Sendable (RedisValue) -> RedisValue? = { _ in nil }
    ) async throws(PresenceError) -> RedisValue {
        let keys = configuration.tracking ? reading : []
        return try await published({ [client, header] in
            client.eval(script, keys: keys, arguments: header + arguments)
        }) { [news($0)] }
    }

    func send(_ command: RedisCommand) async throws(PresenceError) -> RedisValue {
        try await published({ [client] in client.send(command) }) { _ in [] }
    }

    /// - Parameter news: as above, of all replies together.
    func pipeline(
        _ commands: [RedisCommand], news: @escaping @Sendable ([RedisValue]) -> [RedisValue?] = { _ in [] }
    ) async throws(PresenceError) -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        return try await published(
            { [client] in
                client.pipeline(commands).flatMapThrowing { replies in
                    if let error = replies.lazy.compactMap(\.error).first { throw error }
                    return replies
                }
            }, news)
    }

    /// The arguments with which scripts begin.
    func arguments(_ further: [RedisArgument]) -> [RedisArgument] { header + further }

    /// Asks on the client's loop, so that what is to follow an answer is known before the answer can come: from another
    /// thread a later call's could be known first, and its news be published first.
    private func published<Answer: Sendable>(
        _ ask: @escaping @Sendable () -> EventLoopFuture<Answer>,
        _ news: @escaping @Sendable (Answer) -> [RedisValue?]
    ) async throws(PresenceError) -> Answer {
        let loop = client.eventLoop
        let told = loop.flatSubmit { [transport] in
            guard let transport else { return ask() }
            return ask().flatMap { answer in
                let messages = news(answer).flatMap { Self.messages($0) }
                guard !messages.isEmpty else { return loop.makeSucceededFuture(answer) }
                return transport.publish(messages).hop(to: loop).map { answer }
            }
        }
        do {
            return try await told.get()
        } catch let error as TransportError {
            throw PresenceError(
                .unavailable, "presence was stored, but the bus did not take the news of it: \(error.message)",
                underlying: error)
        } catch {
            throw PresenceError(redis: error)
        }
    }

    private static func messages(_ news: RedisValue?) -> [BusMessage] {
        guard let parts = news?.array, !parts.isEmpty else { return [] }
        return stride(from: 0, to: parts.count - 1, by: 2).map { at in
            BusMessage(subject: parts[at].string ?? "", body: parts[at + 1].bytes ?? ByteBuffer())
        }
    }
}

extension PresenceError {
    init(redis error: any Error) {
        let message = (error as? RedisError)?.message ?? "\(error)"
        self.init(.unavailable, "presence in Redis: \(message)", underlying: error)
    }

    static func unexpected(_ value: RedisValue) -> PresenceError {
        PresenceError(.unavailable, "presence in Redis: an unexpected answer, \(value)")
    }
}
