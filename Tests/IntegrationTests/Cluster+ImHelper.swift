import RedisClient

/// What ImHelper does.
extension Cluster {
    static let joinScript =
        "if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0) "
        + "redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1"
    static let leaveScript =
        "if redis.call('HDEL',KEYS[1],ARGV[1])==1 then redis.call('HDEL',KEYS[2],ARGV[2]) "
        + "if redis.call('HINCRBY',KEYS[3],ARGV[2],-1)<=0 then redis.call('HDEL',KEYS[3],ARGV[2]) end end return 1"

    func home(of id: Int) -> Int { id % names.count }

    func setToken(_ value: String, prefix: String? = nil) async throws -> String {
        let token = (0..<8).map { _ in
            let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        let key = "\(layout.keyPrefix)\(prefix ?? layout.prefix)Token\(token)"
        _ = try await redis.send(RedisCommand("SET", .string(key), .string(value), "EX", "10"))
        return token
    }

    func connect(_ id: Int, to node: Int? = nil, device: String? = nil) async throws -> Terminal {
        try await Terminal.connect(nodes[node ?? home(of: id)].gatewayPort, target(id, device: device))
    }

    /// What a terminal asks for, with a token.
    func target(_ id: Int, device: String? = nil) async throws -> String {
        let claim = device.map { #","Item3":"\#($0)""# } ?? ""
        let token = try await setToken(#"{"Item1":\#(id),"Item2":"m\#(id)"\#(claim)}"#)
        let path = layout.path.isEmpty ? "/" : layout.path
        return "\(path)?token=\(token)"
    }

    func command(_ script: String, _ id: String, _ channel: String) -> RedisCommand {
        let prefix = layout.keyPrefix + layout.prefix
        return RedisCommand(
            "EVAL", .string(script), "3", "\(prefix)Chan\(channel)", "\(prefix)Client\(id)", "\(prefix)ListChan",
            .string(id), .string(channel))
    }

    func publication(_ body: String, to node: Int, prefix: String? = nil) -> RedisCommand {
        RedisCommand("PUBLISH", "\(prefix ?? layout.prefix)Server\(names[node])", .string(body))
    }

    func publishEverywhere(_ body: String) -> [RedisCommand] {
        names.indices.map { publication(body, to: $0) }
    }

    func pipeline(_ commands: [RedisCommand]) async throws {
        let replies: [RedisValue] = try await redis.pipeline(commands)
        for reply in replies { if let error = reply.error { throw error } }
    }
}
