import RedisClient

extension PresenceScripts {
    /// FreeIM's own, byte for byte. Keys: members, client's channels, channel list; arguments: id, channel.
    static let freeIMJoin =
        "if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0) "
        + "redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1"

    /// FreeIM's own, byte for byte; keys and arguments as above.
    static let freeIMLeave =
        "if redis.call('HDEL',KEYS[1],ARGV[1])==1 then redis.call('HDEL',KEYS[2],ARGV[2]) "
        + "if redis.call('HINCRBY',KEYS[3],ARGV[2],-1)<=0 then redis.call('HDEL',KEYS[3],ARGV[2]) end end return 1"

    /// Tells a client's nodes, or its home where there are none, what FreeIM's script behind it in the same transaction
    /// is about to store.
    ///
    /// What a client leaves while its node is taken for dead, or stores it anew and has not heard of the leave yet, does not
    /// come back with the node.
    ///
    /// Where a limit is against a join, nobody is told, and a mark in the place of each new membership keeps FreeIM's script
    /// from storing it; ``unmark`` is to follow.
    ///
    /// Arguments: `joined` or `left`, dialect, id, id as JSON, home, channels per client or 0, members per channel or 0; the
    /// channels.
    /// Returns: the channels that change; publications; where a limit is reached `client`, or `channel` and its name.
    static let announce = script(
        #"""
        local kind, d, id, json, home = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
        local perClient, perChannel = tonumber(ARGV[13]), tonumber(ARGV[14])
        local changed, same, seen = {}, {}, {}
        local function limit()
          if perClient > 0 and redis.call('HLEN', keys[d] .. 'Client' .. id) + #changed > perClient then return {'client'} end
          for _, channel in ipairs(perChannel > 0 and changed or {}) do
            local members = 0
            for _, prefix in pairs(keys) do members = members + redis.call('HLEN', prefix .. 'Chan' .. channel) end
            if members >= perChannel then return {'channel', channel} end
          end
        end
        for at = 15, #ARGV do
          local channel = ARGV[at]
          if not seen[channel] then
            seen[channel] = true
            local isMember = redis.call('HEXISTS', keys[d] .. 'Chan' .. channel, id) == 1
            local list = isMember == (kind == 'left') and changed or same
            list[#list + 1] = channel
          end
        end
        local text = kind == 'left' and redis.call('GET', sweptKey(d, id))
        if text then
          local swept, rest = cjson.decode(text), {}
          for _, channel in ipairs(swept[2]) do
            if not seen[channel] then rest[#rest + 1] = channel end
          end
          redis.call('SET', sweptKey(d, id), cjson.encode({swept[1], rest}), 'KEEPTTL')
        end
        local reached = #changed > 0 and limit()
        if reached then
          for _, channel in ipairs(changed) do redis.call('HSET', keys[d] .. 'Chan' .. channel, id, 'refused') end
          return {{}, {}, reached}
        end
        local nodes = holders(id)
        if #nodes == 0 then nodes = {home} end
        for channel in pairs(seen) do redis.call(kind == 'left' and 'SADD' or 'SREM', leftKey(d, id), channel) end
        if kind == 'left' then redis.call('EXPIRE', leftKey(d, id), 20) end
        for i, node in ipairs(nodes) do
          if #changed > 0 then tell(node, kind, json, changed, i == 1) end
          if #same > 0 then tell(node, kind == 'left' and 'left' or 'present', json, same, false) end
        end
        return {changed, out}
        """#)

    /// Takes out what ``announce`` put in the place of refused memberships. Arguments: id; the keys of channels' members.
    static let unmark =
        "for at = 2, #ARGV do if redis.call('HGET', ARGV[at], ARGV[1]) == 'refused' then "
        + "redis.call('HDEL', ARGV[at], ARGV[1]) end end return 1"

    /// Ends memberships of clients without a connection.
    ///
    /// Arguments: dialect, channel; per client: id, id as JSON, home. Returns: the number of those that ended;
    /// publications.
    static let prune = script(
        #"""
        local d, channel, ended = ARGV[8], ARGV[9], 0
        for at = 10, #ARGV, 3 do
          local id = ARGV[at]
          local online = tonumber(redis.call('HGET', keys[d] .. 'Online', id) or '0') or 0
          if online <= 0 and redis.call('HDEL', keys[d] .. 'Chan' .. channel, id) == 1 then
            redis.call('HDEL', keys[d] .. 'Client' .. id, channel)
            tell(ARGV[at + 2], 'left', ARGV[at + 1], {channel}, true)
            ended = ended + 1
          end
        end
        count(d, channel)
        return {ended, out}
        """#)

    /// Where clients are connected. Arguments: ids. Returns: for each the nodes' names.
    static let nodes = script(
        #"""
        local answer = {}
        for at = 8, #ARGV do answer[#answer + 1] = (holders(ARGV[at])) end
        return answer
        """#)
}
