import NIOCore
import RedisClient
import Synchronization

/// Takes tokens out of Redis, each exactly once.
final class RedisTokens: Sendable {
    private let client: RedisClient
    private let keys: TokenKeys
    /// The user of Redis may not run scripts.
    private let lacksScripts = Atomic(false)

    /// An error of one token stands in its place. Redis before 6.2 has no GETDEL. GET is not tried where there is one:
    /// Redis would then tell this client that each of the keys it has read is gone (CLIENT TRACKING).
    private static let script = RedisScript(
        """
        local lacksGetDel = false
        local function take(key)
          if not lacksGetDel then
            local value = redis.pcall('GETDEL', key)
            if type(value) ~= 'table' or not string.find(value.err, 'nknown .*command') then return value end
            lacksGetDel = true
          end
          local value = redis.pcall('GET', key)
          if type(value) ~= 'string' then return value end
          local deleted = redis.pcall('DEL', key)
          return type(deleted) == 'table' and deleted or value
        end
        local values, prefixes = {}, tonumber(ARGV[1])
        for token = prefixes + 2, #ARGV do
          local found = false
          for prefix = 2, prefixes + 1 do
            local value = take(ARGV[prefix] .. ARGV[token])
            if value then found = value end
            if type(value) == 'string' then break end
          end
          values[#values + 1] = found
        end
        return values
        """)

    init(client: RedisClient, keys: TokenKeys) {
        self.client = client
        self.keys = keys
    }

    /// Values in the tokens' order: null where a token is unknown, an error in the place of its token.
    func take(_ tokens: [Token]) -> EventLoopFuture<[RedisValue]> {
        guard !lacksScripts.load(ordering: .relaxed) else { return takeOneByOne(tokens) }
        var arguments = [RedisArgument.integer(keys.prefixes.count)]
        arguments.reserveCapacity(1 + keys.prefixes.count + tokens.count)
        arguments += keys.prefixes.lazy.map { .string($0) }
        arguments += tokens.lazy.map { .string($0.text) }
        return client.eval(Self.script, arguments: arguments).flatMapThrowing { answer in
            guard let values = answer.array else {
                throw RedisError(.protocolViolation, "the script for tokens did not return a list")
            }
            return values
        }.flatMapError { error in
            guard let error = error as? RedisError, error.isForbidden else {
                return self.client.eventLoop.makeFailedFuture(error)
            }
            self.lacksScripts.store(true, ordering: .relaxed)
            return self.takeOneByOne(tokens)
        }
    }

    private func takeOneByOne(_ tokens: [Token]) -> EventLoopFuture<[RedisValue]> {
        let values = tokens.map { token in
            client.pipeline(keys.prefixes.map { RedisCommand("GETDEL", .string($0 + token.text)) }).map { replies in
                replies.first { $0.bytes != nil } ?? replies.first { $0.error != nil } ?? .null
            }
        }
        return EventLoopFuture.whenAllSucceed(values, on: client.eventLoop)
    }
}

extension RedisError {
    /// A command that this user may not send (ACL), or that the server does not have.
    fileprivate var isForbidden: Bool {
        isReply && (code == .noPerm || code == .err && message.hasPrefix("unknown command"))
    }
}
