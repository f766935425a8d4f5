extension ScriptPrelude {
    /// Bans, and how many connections a client may have (``DevicePolicy``).
    ///
    /// Where there is a policy, the sixth element of a client's row is a list of its connections on that node: order of
    /// storing, class, id.
    static let devices = #"""
        local function banOf(id)
          local ends = redis.call('ZSCORE', base .. 'Banned', id)
          local left = ends and tonumber(ends) - now() or 0
          return left > 0 and math.ceil(left) or nil
        end

        local function policyOf(text) return text ~= '' and cjson.decode(text) or nil end

        local function connectionsOf(id)
          local all = {}
          for _, incarnation in ipairs(redis.call('ZRANGEBYSCORE', base .. 'Lease', '(' .. now(), '+inf')) do
            local row = redis.call('HGET', rowsOf(incarnation), id)
            for _, one in ipairs(row and cjson.decode(row)[6] or {}) do
              all[#all + 1] = {one[1], one[2], one[3], nodeOf(incarnation)}
            end
          end
          table.sort(all, function(one, other) return one[1] < other[1] end)
          return all
        end

        local function excessOf(policy, all)
          local excess, kept, counts = {}, {}, {}
          for at = #all, 1, -1 do
            local class = all[at][2]
            local limit = policy.classes[class]
            counts[class] = (counts[class] or 0) + 1
            local list = limit and counts[class] > limit and excess or kept
            list[#list + 1] = all[at]
          end
          if policy.max > 0 then
            local first = policy.deny and 1 or policy.max + 1
            local last = policy.deny and #kept - policy.max or #kept
            for at = first, last do excess[#excess + 1] = kept[at] end
          end
          return excess
        end

        local function close(node, json, code, reason, connections)
          publish(server .. node, '__FreeIM__(Forwarded)__FreeIM__(Close){"Item1":' .. json .. ',"Item2":' .. code
            .. ',"Item3":"' .. reason .. '","Item4":' .. list(connections) .. '}')
        end

        local function replace(one, json)
          close(one[4], json, 4501, 'replaced by a newer connection', {one[3]})
        end

        """#
}
