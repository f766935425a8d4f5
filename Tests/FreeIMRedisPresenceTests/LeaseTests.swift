import FreeIMCore
import FreeIMRedis
import FreeIMTestSupport
import Logging
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

@testable import FreeIMRedisPresence

@Suite("Leases and sweeps")
struct LeaseTests {
    @Test("a node sweeps its own predecessors at once, others after a lease of its own")
    func due() {
        let start = ContinuousClock.now
        var sweeper = Sweeper(node: "a", lease: .seconds(9))
        sweeper.enlisted(as: "a@2", at: start)
        let expired = ["a@1", "a@2", "b@1", "aa@1"]
        #expect(sweeper.due(expired, at: start) == ["a@1"])
        #expect(sweeper.due(expired, at: start + .seconds(8)) == ["a@1"])
        #expect(sweeper.due(expired, at: start + .seconds(9)) == ["a@1", "b@1", "aa@1"])
        // Redis was away: all have run out.
        sweeper.enlisted(as: "a@3", at: start + .seconds(10))
        #expect(sweeper.due(["a@2", "b@2"], at: start + .seconds(11)) == ["a@2"])
    }

    @Test("two survivors take a lost node's clients together, each of them once")
    func race() async throws {
        try await withServer { server in
            let servers = ["a", "b", "c"]
            let fixtures = try servers.map { name in
                try makePresence(server.url, name: name, servers: servers) {
                    $0.lease = .milliseconds(1_500)
                    $0.renewal = .milliseconds(200)
                    $0.sweepBatch = 3
                }
            }
            let lost = fixtures[2]
            let clients = (1...200).map { ClientID(Int64($0)) }
            // The lost node's lease is never renewed: its presence does not run.
            try await running(fixtures.map(\.bus) + fixtures.dropLast().map(\.presence)) {
                for fixture in fixtures { try await fixture.bus.ready() }
                let kept: ClientID = 500
                let room = try #require(ChannelName("room"))
                for client in clients.prefix(20) + [kept] { try await lost.presence.join(client, [room]) }
                for fixture in fixtures.dropLast() {
                    _ = try await fixture.presence.update(
                        [.init(.opened, Identity(client: kept))], on: fixture.identity.name)
                }
                let opened = try await lost.presence.update(
                    clients.map { .init(.opened, Identity(client: $0)) }, on: "c")
                #expect(opened.count == clients.count)
                try await eventually(within: .seconds(30)) { try await lost.presence.onlineCount() == 1 }
                #expect(try await lost.presence.connectionCount(of: kept) == 2)
                #expect(try await lost.presence.memberCount(of: room) == 1)
                #expect(try await lost.presence.members(of: room) == [kept])
            }
        }
    }

    @Test("connections too many, and those of banned clients, are closed when they are stored anew")
    func storedAnew() async throws {
        try await withServer { server in
            let node = try makePresence(server.url) {
                $0.lease = .milliseconds(1_000)
                $0.renewal = .milliseconds(100)
                $0.devices.connectionsPerClient = 1
            }
            let inbox = RecordingInbox(on: MultiThreadedEventLoopGroup.singleton.next())
            try await running([node.bus, node.presence]) {
                try await node.bus.ready()
                try await node.presence.ready()
                try await node.bus.subscribe(inbox, to: [node.identity.subjects.server("a")])
                let changes = [2, 2, 3].enumerated().map { number, client in
                    ConnectionChange(
                        .opened, Identity(client: ClientID(client)),
                        connection: ConnectionID(
                            epoch: 1, shard: 0, socket: SocketID(index: UInt32(number), generation: 0)))
                }
                #expect(try await node.presence.update(changes, on: "a").map(\.kind) == [.online, .online])
                let replaced = CloseCommand(
                    2, code: .replaced, reason: "replaced by a newer connection",
                    connections: changes.prefix(1).compactMap(\.connection))
                try await eventually { try inbox.envelopes.contains(.forwarded(.close(replaced))) }
                inbox.clear()
                let link = try #require((node.bus as? RedisTransport)?.link)
                let far = Int64.max / 1_000_000
                _ = try await link.client.pipeline([
                    RedisCommand("FLUSHALL"), RedisCommand("ZADD", "im_v2_wsBanned", .string("\(far)"), "3"),
                ])
                let banned = CloseCommand(3, code: .forcedOffline, reason: "banned")
                try await eventually(within: .seconds(30)) {
                    let told = try inbox.envelopes
                    return told.contains(.forwarded(.close(replaced))) && told.contains(.forwarded(.close(banned)))
                }
            }
        }
    }

    @Test("a business service with another list of servers finds the nodes', and leaves its own to them")
    func servers() async throws {
        try await withServer { server in
            let node = try makePresence(server.url)
            try await running([node.bus, node.presence]) {
                try await node.bus.ready()
                _ = try await node.presence.update([.init(.opened, Identity(client: 1))], on: "a")
                let link = try #require((node.bus as? RedisTransport)?.link)
                for (servers, found) in [(["b", "a"], ["a", "b"]), (["a", "b"], nil)] as [([String], [String]?)] {
                    let check = ServerListCheck(
                        identity: NodeIdentity(name: "", servers: servers), link: link, logger: .init(label: "test"))
                    #expect(try await check.run() == found)
                }
                let left = try await link.client.send(RedisCommand("GET", "im_v2_wsServersDiffering"))
                #expect(left.string == #"["b","a"]"#)
            }
        }
    }
}
