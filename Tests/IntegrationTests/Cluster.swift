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
    let layout: Layout
    private let addresses: [String]
    private let run: Task<Void, any Error>

    /// What a cluster's nodes are told alike.
    struct Layout: Hashable {
        /// The nodes' names on the bus, in order.
        var names: [String]
        var path = "/ws"
        /// Stands before every key, and before no pub/sub channel.
        var keyPrefix = ""
        var database = 0
        /// Further keys of `presence.redis`.
        var presence: [String: String] = [:]

        /// Begins FreeIM v2's names.
        var prefix: String { prefix("im_v2") }

        func prefix(_ root: String) -> String { root + path.replacing("/", with: "_") }
    }

    var names: [String] { layout.names }

    private init(
        server: RedisServer, redis: RedisClient, layout: Layout, addresses: [String], nodes: [Daemon],
        run: Task<Void, any Error>
    ) {
        self.server = server
        self.redis = redis
        self.layout = layout
        self.addresses = addresses
        self.nodes = nodes
        self.run = run
    }

    /// Runs `body` with a cluster of so many nodes, each of them called by its address; a lease is two seconds.
    static func with(
        nodes count: Int, presence: [String: String] = [:], _ body: (Cluster) async throws -> Void
    ) async throws {
        let addresses = try await freeAddresses(count)
        try await with(Layout(names: addresses, presence: presence), addresses, body)
    }

    /// Runs `body` with a cluster of nodes whose names need not be addresses.
    static func with(_ layout: Layout, _ body: (Cluster) async throws -> Void) async throws {
        try await with(layout, freeAddresses(layout.names.count), body)
    }

    private static func freeAddresses(_ count: Int) async throws -> [String] {
        var addresses: [String] = []
        for _ in 0..<count { addresses.append("127.0.0.1:\(try await RedisServer.freePort())") }
        return addresses
    }

    private static func with(
        _ layout: Layout, _ addresses: [String], _ body: (Cluster) async throws -> Void
    ) async throws {
        try await withServer { server in
            var configuration = server.configuration
            configuration.database = layout.database
            let redis = try RedisClient(configuration, eventLoop: MultiThreadedEventLoopGroup.singleton.next())
            let run = Task { try await redis.run() }
            var nodes: [Daemon] = []
            for (name, address) in zip(layout.names, addresses) {
                nodes.append(try await start(name, at: address, layout, server))
            }
            let cluster = Cluster(
                server: server, redis: redis, layout: layout, addresses: addresses, nodes: nodes, run: run)
            for prefix in [layout.prefix, layout.prefix("wsim")] {
                try await redis.subscribe(cluster.events, to: ["evt_\(prefix)Online", "evt_\(prefix)Offline"])
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

    private static func start(
        _ name: String, at address: String, _ layout: Layout, _ server: RedisServer
    ) async throws -> Daemon {
        var manifest = Manifest()
        manifest.gateway = ["listen": "\"\(address)\"", "path": "\"\(layout.path)\""]
        let names = layout.names.map { "\"\($0)\"" }.joined(separator: ", ")
        manifest.node = ["name": "\"\(name)\"", "servers": "[\(names)]"]
        manifest.auth = ["auth.token"]
        manifest.bus = [
            "transport.redis": [
                "url": "\"\(server.url)/\(layout.database)\"", "key_prefix": "\"\(layout.keyPrefix)\"",
            ]
        ]
        manifest.presence = [
            "presence.redis": ["lease": "2s", "renewal": "500ms"].merging(layout.presence) { $1 }
        ]
        let node = try await Daemon.start(manifest)
        let api = API(port: node.apiPort)
        try await eventually(within: .seconds(30)) { try await api("GET", "/health/ready").status == 200 }
        return node
    }

    private func end() async {
        for node in nodes { node.signal(SIGKILL) }
        await redis.stop()
        _ = await run.result
    }

    /// On the same name, as after a crash.
    func restart(_ index: Int) async throws {
        nodes[index] = try await Self.start(names[index], at: addresses[index], layout, server)
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

extension Cluster {
    /// Records what stands in Redis and what the nodes have logged.
    func explain() async {
        for key in ["im_v2_wsOnline", "im_v2_wsListChan"] {
            let hash = try? await hash(key)
            Issue.record(
                "\(key): \(hash.map { "\($0.count) fields, \($0.sorted { $0.key < $1.key })" } ?? "unreadable")")
        }
        for (name, node) in zip(names, nodes) {
            let ready = try? await API(port: node.apiPort)("GET", "/health/ready")
            Issue.record(
                "\(name): \(ready.map { "\($0.status) \($0.text)" } ?? "silent"); \(node.logText.suffix(4_000))")
        }
    }
}
