import RedisClient

extension PresenceScripts {
    /// Stores connections that opened and closed on a node, in order.
    ///
    /// Arguments: incarnation, node; per change: `+` or `-`, dialect, id, id as JSON, home, event's body.
    /// Returns: `ok`, transitions as (number of the change from 0, `on` or `off`, channels left), publications; or
    /// `lost` where the incarnation has no lease any more, and nothing is stored then.
    static let update = script(
        #"""
        local incarnation, node = ARGV[8], ARGV[9]
        if not isAlive(incarnation) then return {'lost'} end
        local rows, transitions = rowsOf(incarnation), {}
        for at = 10, #ARGV, 6 do
          local d, id, json, home = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
          local number, row = (at - 10) / 6, redis.call('HGET', rows, id)
          row = row and cjson.decode(row)
          if ARGV[at] == '+' then
            row = row or {0, d, home, json}
            row[1], row[5] = row[1] + 1, ARGV[at + 5]
            redis.call('HSET', rows, id, cjson.encode(row))
            if redis.call('HINCRBY', keys[d] .. 'Online', id, 1) == 1 then
              transitions[#transitions + 1] = {number, 'on', {}}
            end
            local channels = channelsOf(d, id)
            if #channels > 0 then tell(node, 'present', json, channels, false) end
            locate(node, id, json, home)
          elseif row then
            row[1] = row[1] - 1
            if row[1] > 0 then
              redis.call('HSET', rows, id, cjson.encode(row))
            else
              redis.call('HDEL', rows, id)
            end
            if redis.call('HINCRBY', keys[d] .. 'Online', id, -1) <= 0 then
              redis.call('HDEL', keys[d] .. 'Online', id)
              local left = leaveAll(d, id)
              transitions[#transitions + 1] = {number, 'off', left}
              if #left > 0 then tell(node, 'left', json, left, false) end
            end
            locate(node, id, json, home)
          end
        end
        return {'ok', transitions, out}
        """#)

    /// Sets how many connections clients have on a node, whatever was stored before, and tells the node their channels.
    ///
    /// Arguments: incarnation, node, an older incarnation of the node or empty, `1` where the node's index knows better
    /// than Redis; per client: connections, dialect, id, id as JSON, home, event's body, the index' channels as JSON.
    /// A client that was offline in Redis gets the index' channels back.
    /// Returns: as ``update``.
    static let restore = script(
        #"""
        local incarnation, node, older, isIndexRight = ARGV[8], ARGV[9], ARGV[10], ARGV[11] == '1'
        if not isAlive(incarnation) then return {'lost'} end
        local rows, transitions = rowsOf(incarnation), {}
        local function take(key, id)
          local row = redis.call('HGET', key, id)
          if not row then return 0 end
          redis.call('HDEL', key, id)
          return cjson.decode(row)[1]
        end
        for at = 12, #ARGV, 7 do
          local wanted, d, id = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
          local json, home, number = ARGV[at + 3], ARGV[at + 4], (at - 12) / 7
          local stored = take(rows, id)
          if older ~= '' then stored = stored + take(rowsOf(older), id) end
          if wanted > 0 then
            redis.call('HSET', rows, id, cjson.encode({wanted, d, home, json, ARGV[at + 5]}))
          end
          if wanted + stored > 0 then
            local online = redis.call('HINCRBY', keys[d] .. 'Online', id, wanted - stored)
            local before = online - wanted + stored
            if online <= 0 then
              redis.call('HDEL', keys[d] .. 'Online', id)
              local left = leaveAll(d, id)
              transitions[#transitions + 1] = {number, 'off', left}
              if #left > 0 then tell(node, 'left', json, left, false) end
            elseif before <= 0 then
              transitions[#transitions + 1] = {number, 'on', {}}
            end
            if wanted > 0 then
              if before <= 0 or isIndexRight then
                for _, channel in ipairs(cjson.decode(ARGV[at + 6])) do
                  redis.call('HSETNX', keys[d] .. 'Chan' .. channel, id, 0)
                  redis.call('HSETNX', keys[d] .. 'Client' .. id, channel, 0)
                  count(d, channel)
                end
              end
              tell(node, 'exact', json, channelsOf(d, id), false)
            end
            locate(node, id, json, home)
          end
        end
        return {'ok', transitions, out}
        """#)

    /// Tells a node in which channels clients are; those alone that are stored under a lease of the node. Of others the
    /// node's index knows more than Redis, until they are stored anew (``restore``).
    ///
    /// Arguments: node; per client: dialect, id, id as JSON. Returns: publications.
    static let retell = script(
        #"""
        local node, rows = ARGV[8], {}
        for _, incarnation in ipairs(redis.call('ZRANGE', base .. 'Lease', 0, -1)) do
          if nodeOf(incarnation) == node and isAlive(incarnation) then rows[#rows + 1] = rowsOf(incarnation) end
        end
        for at = 9, #ARGV, 3 do
          for _, key in ipairs(rows) do
            if redis.call('HEXISTS', key, ARGV[at + 1]) == 1 then
              tell(node, 'exact', ARGV[at + 2], channelsOf(ARGV[at], ARGV[at + 1]), false)
              break
            end
          end
        end
        return out
        """#)

    /// Tells a node of all its clients that are connected elsewhere, a part at a time.
    ///
    /// Arguments: node, cursor (HSCAN), `1` for the first part. Returns: the next cursor, `0` at the end; publications.
    static let relocate = script(
        #"""
        local node, begins = ARGV[8], '__FreeIM__(Location){"Item1":0,"Item2":["1 "]}'
        if ARGV[10] == '1' then publish(server .. node, begins) end
        local page = redis.call('HSCAN', base .. 'Away' .. node, ARGV[9], 'COUNT', 200)
        for at = 1, #page[2], 2 do locate(node, page[2][at], page[2][at + 1], node) end
        if page[1] == '0' then publish(server .. node, '__FreeIM__(Location){"Item1":0,"Item2":[]}') end
        return {page[1], out}
        """#)
}
