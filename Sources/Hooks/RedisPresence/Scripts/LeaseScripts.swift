import RedisClient

extension PresenceScripts {
    /// Gives an incarnation of a node its lease, and as much time to the node's earlier ones: what is stored under them
    /// is about to be moved, and not to be swept up meanwhile.
    ///
    /// Arguments: incarnation, node, lease in ms, the node's servers as JSON.
    static let enlist = script(
        #"""
        local deadline = now() + ARGV[10]
        for _, other in ipairs(redis.call('ZRANGE', base .. 'Lease', 0, -1)) do
          if nodeOf(other) == ARGV[9] then redis.call('ZADD', base .. 'Lease', deadline, other) end
        end
        redis.call('ZADD', base .. 'Lease', deadline, ARGV[8])
        redis.call('HSET', base .. 'Servers', ARGV[8], ARGV[11])
        return 'ok'
        """#)

    /// Ends the leases of a node's earlier incarnations.
    ///
    /// Arguments: incarnation, node.
    static let retire = script(
        #"""
        for _, other in ipairs(redis.call('ZRANGE', base .. 'Lease', 0, -1)) do
          if nodeOf(other) == ARGV[9] and other ~= ARGV[8] then redis.call('ZADD', base .. 'Lease', 0, other) end
        end
        return 'ok'
        """#)

    /// Renews a lease.
    ///
    /// Arguments: incarnation, lease in ms. Returns: `ok` or, where the lease has run out, `lost`; the incarnations whose
    /// leases have run out; the lists of servers of nodes and, last, of a business service that differs or empty.
    static let renew = script(
        #"""
        local incarnation = ARGV[8]
        if not isAlive(incarnation) then return {'lost'} end
        redis.call('ZADD', base .. 'Lease', now() + ARGV[9], incarnation)
        local servers = redis.call('HVALS', base .. 'Servers')
        servers[#servers + 1] = redis.call('GET', base .. 'ServersDiffering') or ''
        return {'ok', redis.call('ZRANGEBYSCORE', base .. 'Lease', '-inf', now()), servers}
        """#)

    /// Takes a part of the connections of a node whose lease has run out, and publishes what became of their clients.
    /// Their channels are kept for an hour, in case that the node was only cut off and has them still (``restore``).
    ///
    /// Arguments: incarnation, rows at most, `1` where online and offline events are published, `1` where they are
    /// per connection, `1` where left events are published.
    /// Returns: `alive`, `gone`, `more` or `done`; rows taken; publications.
    static let sweep = script(
        #"""
        local dead, batch, events, each, membership = ARGV[8], ARGV[9], ARGV[10] == '1', ARGV[11] == '1', ARGV[12] == '1'
        if not redis.call('ZSCORE', base .. 'Lease', dead) then return {'gone', 0, out} end
        if isAlive(dead) then return {'alive', 0, out} end
        local rows, node = redis.call('HRANDFIELD', rowsOf(dead), batch, 'WITHVALUES'), nodeOf(dead)
        for at = 1, #rows, 2 do
          local id, row = rows[at], cjson.decode(rows[at + 1])
          local lost, d, home, json, body = row[1], row[2], row[3], row[4], row[5]
          redis.call('HDEL', rowsOf(dead), id)
          local left, isOffline = {}, redis.call('HINCRBY', keys[d] .. 'Online', id, -lost) <= 0
          if isOffline then
            redis.call('HDEL', keys[d] .. 'Online', id)
            left = leaveAll(d, id)
            redis.call('SET', sweptKey(d, id), cjson.encode({dead, left}), 'EX', 3600)
          end
          if events then
            local times = each and lost or (isOffline and 1 or 0)
            for _ = 1, times do publish('evt_' .. names[d] .. 'Offline', body) end
          end
          if membership and #left > 0 then
            publish('evt_' .. names[d] .. 'Left', '{"Item1":' .. json .. ',"Item2":' .. list(left) .. '}')
          end
          locate(node, id, json, home)
        end
        if redis.call('EXISTS', rowsOf(dead)) == 1 then return {'more', #rows / 2, out} end
        redis.call('ZREM', base .. 'Lease', dead)
        redis.call('HDEL', base .. 'Servers', dead)
        return {'done', #rows / 2, out}
        """#)

    /// Ends a lease: at once where nothing is left under it, or else by letting it run out.
    ///
    /// Arguments: incarnation.
    static let resign = script(
        #"""
        if redis.call('EXISTS', rowsOf(ARGV[8])) == 1 then
          redis.call('ZADD', base .. 'Lease', 'XX', 0, ARGV[8])
        else
          redis.call('ZREM', base .. 'Lease', ARGV[8])
          redis.call('HDEL', base .. 'Servers', ARGV[8])
        end
        return 'ok'
        """#)
}
