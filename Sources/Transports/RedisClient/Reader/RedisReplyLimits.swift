/// What a reply may be at most. A reply beyond ends the connection with ``RedisError/Code/protocolViolation``.
public struct RedisReplyLimits: Sendable, Hashable {
    /// Elements of one reply, those of nested arrays included. 1 to 16,777,216.
    public var elements = 1 << 20
    /// Arrays in arrays; a plain array is 1. 1 to 7, which is what hiredis 0.14 can read.
    public var depth = 7
    /// Bytes of one string. 1 to 512 MiB, Redis' own limit on a string.
    public var bulkBytes = 64 << 20
    /// Bytes of all strings of one reply together. At least `bulkBytes`, at most 1 GiB.
    public var replyBytes = 256 << 20

    public init() {}
}
