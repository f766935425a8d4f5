import RedisClient

extension PresenceScripts {
    /// Bans a client, or lets it in again. The set of bans ends with the last one.
    ///
    /// Arguments: id, ms or 0, bans at most. Returns: `ok`, or `full`.
    static let ban = script(
        #"""
        local bans, now, id, duration = base .. 'Banned', now(), ARGV[8], tonumber(ARGV[9])
        redis.call('ZREMRANGEBYSCORE', bans, '-inf', now)
        if duration == 0 then
          redis.call('ZREM', bans, id)
          return 'ok'
        end
        if not redis.call('ZSCORE', bans, id) and redis.call('ZCARD', bans) >= tonumber(ARGV[10]) then return 'full' end
        redis.call('ZADD', bans, now + duration, id)
        local last = redis.call('ZRANGE', bans, -1, -1, 'WITHSCORES')
        redis.call('PEXPIREAT', bans, string.format('%.0f', last[2]))
        return 'ok'
        """#)
}
