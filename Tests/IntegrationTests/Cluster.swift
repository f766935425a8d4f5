import Foundation
import FreeIMCore
import FreeIMTestSupport
import NIOCore
import NIOPosix
import RedisClient
import RedisTestSupport
import Synchronization
import Testing

/// Real nodes over a real Redis, and a raw client that plays FreeIM's .NET ImHelper.
final class Cluster {
    let server: RedisServer
    let redis: RedisClient
    let events = EventLog()
    private(set) var nodes: [Daemon]
    let names: [String]
    private let run: Task<Void, any Error>

    static let joinScript =
        "if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0) "
        + "redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1"
    static let leaveScript =
        "if redis.call('HDEL',KEYS[1],ARGV[1])==1 then redis.call('HDEL',KEYS[2],ARGV[2]) "
        + "if redis.call('HINCRBY',KEYS[3],ARGV[2],-1)<=0 then redis.call('HDEL',KEYS[3],ARGV[2]) end end return 1"

    private init(server: RedisServer, redis: RedisClient, names: [String], nodes: [Daemon], run: Task<Void, any Error>)
    {
        self.server = server
        self.redis = redis
        self.names = names
        self.nodes = nodes
        self.run = run
    }

    /// Runs `body` with a cluster of so many nodes; a lease is two seconds.
    static func with(nodes count: Int, _ body: (Cluster) async throws -> Void) async throws {
        try await withServer { server in
            var ports: [Int] = []
            for _ in 0..<count { ports.append(try await RedisServer.freePort()) }
            let names = ports.map { "127.0.0.1:\($0)" }
            let redis = try RedisClient(server.configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
            let run = Task { try await redis.run() }
            var nodes: [Daemon] = []
            for name in names { nodes.append(try await start(name, names, server)) }
            let cluster = Cluster(server: server, redis: redis, names: names, nodes: nodes, run: run)
            for event in ["Online", "Offline"] {
                try await redis.subscribe(cluster.events, to: ["evt_im_v2_ws\(event)", "evt_wsim_ws\(event)"])
            }
            do {
                try await body(cluster)
            } catch {
                await cluster.end()
                throw error
            }
            await cluster.end()
        }
    }

    private static func start(_ name: String, _ names: [String], _ server: RedisServer) async throws -> Daemon {
        var manifest = Manifest()
        manifest.gateway = ["listen": "\"\(name)\""]
        manifest.node = ["servers": "[\(names.map { "\"\($0)\"" }.joined(separator: ", "))]"]
        manifest.auth = ["auth.token"]
        manifest.bus = ["transport.redis": ["url": "\"\(server.url)\""]]
        manifest.presence = ["presence.redis": ["lease": "2s", "renewal": "500ms"]]
        let node = try await Daemon.start(manifest)
        let api = API(port: node.apiPort)
        try await eventually(within: .seconds(10)) { try await api("GET", "/health/ready").status == 200 }
        return node
    }

    private func end() async {
        for node in nodes { node.signal(SIGKILL) }
        await redis.stop()
        _ = await run.result
    }

    /// On the same name, as after a crash.
    func restart(_ index: Int) async throws {
        nodes[index] = try await Self.start(names[index], names, server)
    }

    // MARK: What ImHelper does

    func home(of id: Int) -> Int { id % names.count }

    func setToken(_ value: String, prefix: String = "im_v2_ws") async throws -> String {
        let token = (0..<8).map { _ in
            let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
        _ = try await redis.send(RedisCommand("SET", "\(prefix)Token\(token)", .string(value), "EX", "10"))
        return token
    }

    func connect(_ id: Int, to node: Int? = nil) async throws -> Terminal {
        let token = try await setToken(#"{"Item1":\#(id),"Item2":"m\#(id)"}"#)
        return try await Terminal.connect(nodes[node ?? home(of: id)].gatewayPort, "/ws?token=\(token)")
    }

    func command(_ script: String, _ id: String, _ channel: String, prefix: String = "im_v2_ws") -> RedisCommand {
        RedisCommand(
            "EVAL", .string(script), "3", "\(prefix)Chan\(channel)", "\(prefix)Client\(id)", "\(prefix)ListChan",
            .string(id), .string(channel))
    }

    func publication(_ body: String, to node: Int, prefix: String = "im_v2_ws") -> RedisCommand {
        RedisCommand("PUBLISH", "\(prefix)Server\(names[node])", .string(body))
    }

    func publishEverywhere(_ body: String) -> [RedisCommand] {
        names.indices.map { publication(body, to: $0) }
    }

    func pipeline(_ commands: [RedisCommand]) async throws {
        let replies: [RedisValue] = try await redis.pipeline(commands)
        for reply in replies { if let error = reply.error { throw error } }
    }

    // MARK: What stands in Redis

    func hash(_ key: String) async throws -> [String: String] {
        let fields = try await redis.send(RedisCommand("HGETALL", .string(key))).array ?? []
        var hash: [String: String] = [:]
        for at in stride(from: 0, to: fields.count - 1, by: 2) {
            hash[fields[at].string ?? ""] = fields[at + 1].string
        }
        return hash
    }

    /// Whether Online, ListChan, Chan* and Client* hold exactly these clients, with one connection each.
    func holdsExactly(_ channels: [Int: [String]]) async throws -> Bool {
        let ids = Set(channels.keys.map { "\($0)" })
        guard try await hash("im_v2_wsOnline") == Dictionary(uniqueKeysWithValues: ids.map { ($0, "1") }) else {
            return false
        }
        var members: [String: [String: String]] = [:]
        for (id, names) in channels { for name in names { members[name, default: [:]]["\(id)"] = "0" } }
        guard try await hash("im_v2_wsListChan") == members.mapValues({ "\($0.count)" }) else { return false }
        for (name, ids) in members where try await hash("im_v2_wsChan\(name)") != ids { return false }
        for (id, names) in channels where !names.isEmpty {
            let expected = Dictionary(uniqueKeysWithValues: names.map { ($0, "0") })
            guard try await hash("im_v2_wsClient\(id)") == expected else { return false }
        }
        let keys = try await redis.send(RedisCommand("KEYS", "im_v2_wsC*")).array ?? []
        let expected = members.count + channels.values.count { !$0.isEmpty }
        return keys.count == expected
    }
}

/// The events that were published, in order.
final class EventLog: RedisSubscriber {
    private let log = Mutex<[(channel: String, body: String)]>([])

    func received(_ body: ByteBuffer, on channel: String) {
        log.withLock { $0.append((channel, String(buffer: body))) }
    }

    func burstEnded() {}

    func bodies(_ channel: String) -> [String] {
        log.withLock { log in log.filter { $0.channel == channel }.map(\.body) }
    }

    func clear() { log.withLock { $0.removeAll() } }
}
