/// What all scripts of presence begin with. Their arguments begin alike, see ``PresenceKeys/header(isDirect:)``.
///
/// Keys are built from arguments, so a Redis Cluster, which wants them declared, cannot run these; neither can it serve
/// FreeIM's names, which have no hash tags.
enum ScriptPrelude {
    static let source = #"""
        local direct, base, server = ARGV[1] == '1', ARGV[2], ARGV[3]
        local keys = {v2 = ARGV[4], v1 = ARGV[5]}
        local names = {v2 = ARGV[6], v1 = ARGV[7]}
        local out = {}

        local function publish(subject, body)
          if direct then
            redis.call('PUBLISH', subject, body)
          else
            out[#out + 1] = subject
            out[#out + 1] = body
          end
        end

        local function now()
          local time = redis.call('TIME')
          return time[1] * 1000 + math.floor(time[2] / 1000)
        end

        local function rowsOf(incarnation) return base .. 'Node' .. incarnation end
        local function nodeOf(incarnation) return string.match(incarnation, '^(.*)@') end

        -- Of a client that went offline with its node's lease: that incarnation, and its channels.
        local function sweptKey(d, id) return keys[d] .. 'Swept' .. id end

        -- What a client left just now.
        local function leftKey(d, id) return keys[d] .. 'Left' .. id end

        local function list(texts)
          local quoted = {}
          for i, text in ipairs(texts) do quoted[i] = cjson.encode(text) end
          return '[' .. table.concat(quoted, ',') .. ']'
        end

        local function isAlive(incarnation)
          local deadline = redis.call('ZSCORE', base .. 'Lease', incarnation)
          return deadline and tonumber(deadline) > now()
        end

        local function tell(node, kind, json, channels, announce)
          publish(server .. node, '__FreeIM__(Membership){"Item1":' .. json .. ',"Item2":' .. list(channels)
            .. ',"Item3":"' .. kind .. '","Item4":' .. (announce and 'true' or 'false') .. '}')
        end

        local function count(d, channel)
          local members = redis.call('HLEN', keys[d] .. 'Chan' .. channel)
          if members > 0 then
            redis.call('HSET', keys[d] .. 'ListChan', channel, members)
          else
            redis.call('HDEL', keys[d] .. 'ListChan', channel)
          end
        end

        local function leaveAll(d, id)
          local own, left = keys[d] .. 'Client' .. id, {}
          for _, channel in ipairs(redis.call('HKEYS', own)) do
            if redis.call('HDEL', keys[d] .. 'Chan' .. channel, id) == 1 then left[#left + 1] = channel end
            count(d, channel)
          end
          redis.call('DEL', own)
          return left
        end

        local function channelsOf(d, id)
          local own, channels = keys[d] .. 'Client' .. id, {}
          for _, channel in ipairs(redis.call('HKEYS', own)) do
            if redis.call('HEXISTS', keys[d] .. 'Chan' .. channel, id) == 1 then
              channels[#channels + 1] = channel
            else
              redis.call('HDEL', own, channel)
              count(d, channel)
            end
          end
          return channels
        end

        local function holders(id)
          local counts, nodes = {}, {}
          for _, incarnation in ipairs(redis.call('ZRANGE', base .. 'Lease', 0, -1)) do
            local row = redis.call('HGET', rowsOf(incarnation), id)
            if row then
              local node = nodeOf(incarnation)
              if not counts[node] then
                counts[node] = 0
                nodes[#nodes + 1] = node
              end
              counts[node] = counts[node] + cjson.decode(row)[1]
            end
          end
          return nodes, counts
        end

        local function locate(node, id, json, home)
          if node == home and redis.call('HEXISTS', base .. 'Away' .. home, id) == 0 then return end
          local nodes, counts = holders(id)
          local isAway, texts, told = false, {}, {[home] = true, [node] = true}
          for i, holder in ipairs(nodes) do
            texts[i] = counts[holder] .. ' ' .. holder
            told[holder] = true
            isAway = isAway or holder ~= home
          end
          if isAway then
            redis.call('HSET', base .. 'Away' .. home, id, json)
          else
            redis.call('HDEL', base .. 'Away' .. home, id)
          end
          local body = '__FreeIM__(Location){"Item1":' .. json .. ',"Item2":' .. list(texts) .. '}'
          for holder in pairs(told) do publish(server .. holder, body) end
        end

        """# + devices
}
