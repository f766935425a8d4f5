public import FreeIMCore
import Metrics
import Synchronization

/// Tokens in the memory of one process.
public final class MemoryTokenStore: TokenStore {
    fileprivate struct Entry {
        let identity: Identity
        let expiry: ContinuousClock.Instant
    }

    fileprivate struct State {
        var entries: [Token: Entry] = [:]
        /// Tokens in the order of their making, used ones among them, from ``oldest`` on.
        var order: [Token] = []
        var oldest = 0
    }

    private let limit: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())
    private let unused = Gauge(label: "freeim_token_unused")

    /// - Parameters:
    ///   - limit: tokens neither used nor expired, beyond which ``add(_:for:timeToLive:)`` throws.
    ///   - now: the clock.
    public init(
        limit: Int = 1_000_000, now: @escaping @Sendable () -> ContinuousClock.Instant = { ContinuousClock.now }
    ) {
        self.limit = limit
        self.now = now
    }

    public func add(_ token: Token, for identity: Identity, timeToLive: Duration) async throws {
        let now = now()
        let count: Int? = state.withLock { state in
            state.removeExpired(at: now)
            guard state.entries.count < limit else { return nil }
            state.entries[token] = Entry(identity: identity, expiry: now + timeToLive)
            state.order.append(token)
            return state.entries.count
        }
        guard let count else {
            throw CredentialError(
                .limitReached,
                "\(limit) tokens are unused; hand out fewer, shorten 'ttl' or raise 'max_unused' of auth.token")
        }
        unused.record(count)
    }

    public func consume(_ token: Token) async throws -> Identity? {
        let now = now()
        let (entry, count) = state.withLock { state in
            state.removeExpired(at: now)
            return (state.entries.removeValue(forKey: token), state.entries.count)
        }
        unused.record(count)
        guard let entry, entry.expiry > now else { return nil }
        return entry.identity
    }
}

extension MemoryTokenStore.State {
    /// Forgets what has expired or been used at the front, and gives its room back once it is half of the list.
    /// Tokens are in the order of their expiry where all have one time to live; others are met a little later.
    fileprivate mutating func removeExpired(at now: ContinuousClock.Instant) {
        while oldest < order.count {
            if let entry = entries[order[oldest]] {
                guard entry.expiry <= now else { break }
                entries[order[oldest]] = nil
            }
            oldest += 1
        }
        if oldest > 1_024, oldest * 2 > order.count {
            order.removeFirst(oldest)
            oldest = 0
        } else if order.count - oldest > 2 * entries.count + 1_024 {
            // Many have been used behind one that is still good.
            order = order[oldest...].filter { entries[$0] != nil }
            oldest = 0
        }
    }
}
