import RedisClient

extension PresenceScripts {
    /// Stores connections that opened and closed on a node, in order, unless their client is banned or a policy is
    /// against it; closes those that a policy wants to be closed for them.
    ///
    /// Arguments: incarnation, node, policy as JSON or empty; per change: `+` or `-`, dialect, id, id as JSON, home,
    /// event's body, connection, class.
    /// Returns: `ok`, transitions as (number of the change from 0, `on` or `off`, channels left; or `banned`, ms; or
    /// `limit`, connections), publications; or `lost` where the incarnation has no lease any more, and nothing is stored
    /// then.
    static let update = script(
        #"""
        local incarnation, node, policy = ARGV[8], ARGV[9], policyOf(ARGV[10])
        if not isAlive(incarnation) then return {'lost'} end
        local rows, transitions, refused = rowsOf(incarnation), {}, {}
        local hasBans = redis.call('EXISTS', base .. 'Banned') == 1
        for at = 11, #ARGV, 8 do
          local d, id, json, home = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
          local connection, class = ARGV[at + 6], ARGV[at + 7]
          local number, row = (at - 11) / 8, redis.call('HGET', rows, id)
          row = row and cjson.decode(row)
          if ARGV[at] == '+' then
            local ban, excess, isTooMany = hasBans and banOf(id), {}, false
            if policy and not ban and redis.call('HEXISTS', keys[d] .. 'Online', id) == 1 then
              local all = connectionsOf(id)
              all[#all + 1] = {0, class, connection, node}
              excess = excessOf(policy, all)
              for _, one in ipairs(excess) do isTooMany = isTooMany or one[3] == connection end
            end
            if ban or isTooMany then
              if connection ~= '' then refused[connection] = true end
              transitions[#transitions + 1] = {number, ban and 'banned' or 'limit', ban or policy.max}
            else
              row = row or {0, d, home, json}
              row[1], row[5] = row[1] + 1, ARGV[at + 5]
              if policy then
                row[6] = row[6] or {}
                row[6][#row[6] + 1] = {redis.call('INCR', base .. 'Sequence'), class, connection}
              end
              redis.call('HSET', rows, id, cjson.encode(row))
              if redis.call('HINCRBY', keys[d] .. 'Online', id, 1) == 1 then
                transitions[#transitions + 1] = {number, 'on', {}}
              end
              local channels = channelsOf(d, id)
              if #channels > 0 then tell(node, 'present', json, channels, false) end
              locate(node, id, json, home)
              for _, one in ipairs(excess) do replace(one, json) end
            end
          elseif row and not refused[connection] then
            row[1] = row[1] - 1
            local others = {}
            for _, one in ipairs(row[6] or {}) do
              if one[3] ~= connection then others[#others + 1] = one end
            end
            row[6] = row[6] and others
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
    /// than Redis, policy as JSON or empty; per client: connections, dialect, id, id as JSON, home, event's body, the
    /// index' channels as JSON, its connections and their classes in turn as JSON.
    /// A client that was offline in Redis gets its channels back: those that it had when this process of the node was
    /// swept up after, less what it left since, since the node's index did not hear of joins and leaves before; the
    /// index' where nobody swept, less what it left just now. What is too many, or of a banned client, has been
    /// let in before it could be stored, and is closed.
    /// Returns: as ``update``.
    static let restore = script(
        #"""
        local incarnation, node, older, isIndexRight = ARGV[8], ARGV[9], ARGV[10], ARGV[11] == '1'
        local policy, hasBans = policyOf(ARGV[12]), redis.call('EXISTS', base .. 'Banned') == 1
        if not isAlive(incarnation) then return {'lost'} end
        local rows, transitions = rowsOf(incarnation), {}
        local function take(key, id, orders)
          local row = redis.call('HGET', key, id)
          if not row then return 0 end
          redis.call('HDEL', key, id)
          row = cjson.decode(row)
          for _, one in ipairs(row[6] or {}) do orders[one[3]] = one[1] end
          return row[1]
        end
        local function inOrder(devices, orders)
          local all = {}
          for at = 1, #devices, 2 do
            local order = orders[devices[at]] or redis.call('INCR', base .. 'Sequence')
            all[#all + 1] = {order, devices[at + 1], devices[at]}
          end
          return all
        end
        local function processOf(incarnation) return string.match(incarnation, '^(.*)%-') end
        local function takeSwept(d, id)
          local text = redis.call('GET', sweptKey(d, id))
          local swept = text and cjson.decode(text)
          if not swept or processOf(swept[1]) ~= processOf(incarnation) then return nil end
          redis.call('DEL', sweptKey(d, id))
          return swept[2]
        end
        for at = 13, #ARGV, 8 do
          local wanted, d, id = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2]
          local json, home, number, orders = ARGV[at + 3], ARGV[at + 4], (at - 13) / 8, {}
          local stored, swept = take(rows, id, orders), takeSwept(d, id)
          if older ~= '' then stored = stored + take(rowsOf(older), id, orders) end
          if wanted > 0 then
            local devices = policy and inOrder(cjson.decode(ARGV[at + 7]), orders) or nil
            redis.call('HSET', rows, id, cjson.encode({wanted, d, home, json, ARGV[at + 5], devices}))
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
                local known = not isIndexRight and swept or cjson.decode(ARGV[at + 6])
                for _, channel in ipairs(known) do
                  if redis.call('SISMEMBER', leftKey(d, id), channel) == 0 then
                    redis.call('HSETNX', keys[d] .. 'Chan' .. channel, id, 0)
                    redis.call('HSETNX', keys[d] .. 'Client' .. id, channel, 0)
                    count(d, channel)
                  end
                end
                redis.call('DEL', leftKey(d, id))
              end
              tell(node, 'exact', json, channelsOf(d, id), false)
            end
            locate(node, id, json, home)
            if wanted > 0 and hasBans and banOf(id) then
              close(node, json, 4500, 'banned', {})
            elseif wanted > 0 and policy then
              for _, one in ipairs(excessOf(policy, connectionsOf(id))) do replace(one, json) end
            end
          end
        end
        return {'ok', transitions, out}
        """#)

    /// Tells a node in which channels clients are; those alone that are stored under a lease of the node. Of others the
    /// node's index knows more than Redis, until they are stored anew (``restore``).
    ///
    /// Arguments: node; per client: dialect, id, id as JSON. Returns: the numbers of clients that are not stored, from 0 on;
    /// publications.
    static let retell = script(
        #"""
        local node, rows, untold = ARGV[8], {}, {}
        for _, incarnation in ipairs(redis.call('ZRANGE', base .. 'Lease', 0, -1)) do
          if nodeOf(incarnation) == node and isAlive(incarnation) then rows[#rows + 1] = rowsOf(incarnation) end
        end
        for at = 9, #ARGV, 3 do
          local isStored = false
          for _, key in ipairs(rows) do isStored = isStored or redis.call('HEXISTS', key, ARGV[at + 1]) == 1 end
          if isStored then
            tell(node, 'exact', ARGV[at + 2], channelsOf(ARGV[at], ARGV[at + 1]), false)
          else
            untold[#untold + 1] = (at - 9) / 3
          end
        end
        return {untold, out}
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
