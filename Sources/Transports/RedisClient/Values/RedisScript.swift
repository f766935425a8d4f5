import Crypto

/// A Lua script that Redis runs as one step (EVAL, EVALSHA).
public struct RedisScript: Sendable, Hashable {
    public let source: String
    /// SHA-1 of the source, 40 digits in small letters: the name by which Redis knows the script.
    public let sha1: String

    public init(_ source: String) {
        self.source = source
        // Redis' choice of name; nothing here depends on its strength.
        sha1 = Insecure.SHA1.hash(data: Array(source.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0\(digits)" : digits
        }.joined()
    }

    /// The digest stands for the source, which may be long.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(sha1)
    }

    func evalSHA(_ keys: [RedisArgument], _ arguments: [RedisArgument]) -> RedisCommand {
        RedisCommand("EVALSHA", [.string(sha1), .integer(keys.count)] + keys + arguments)
    }

    func eval(_ keys: [RedisArgument], _ arguments: [RedisArgument]) -> RedisCommand {
        RedisCommand("EVAL", [.string(source), .integer(keys.count)] + keys + arguments)
    }

    var load: RedisCommand { RedisCommand("SCRIPT", "LOAD", .string(source)) }
}
