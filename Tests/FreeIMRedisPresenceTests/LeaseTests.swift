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
        // A clock that jumped back delays, one that jumped ahead has others swept whose leases Redis says to be over.
        #expect(sweeper.due(["a@2", "b@2"], at: start - .seconds(3_600)) == ["a@2"])
        #expect(sweeper.due(["a@2", "b@2"], at: start + .seconds(3_600)) == ["a@2", "b@2"])
    }

    /// Of Redis, whose clock leases have. To Redis it is the same as if all that has a time in it had moved the other way.
    @Test("a clock that jumps takes nobody offline, and nobody out of a channel", arguments: [3_600_000, -3_600_000])
    func clockJumps(milliseconds: Int) async throws {
        try await withServer { server in
            let fixtures = try ["a", "b"].map { name in
                try makePresence(server.url, name: name, servers: ["a", "b"]) {
                    $0.lease = .milliseconds(1_500)
                    $0.renewal = .milliseconds(200)
                }
            }
            let (presence, bus) = (fixtures[0].presence, fixtures[0].bus)
            let clients = (1...50).map { ClientID(Int64($0)) }
            let room = try #require(ChannelName("room"))
            let inbox = RecordingInbox(on: MultiThreadedEventLoopGroup.singleton.next())
            try await running(fixtures.map(\.bus) + fixtures.map(\.presence)) {
                for fixture in fixtures { try await fixture.bus.ready() }
                for (fixture, parity) in zip(fixtures, [0, 1]) {
                    let own = clients.enumerated().filter { $0.offset % 2 == parity }.map(\.element)
                    _ = try await fixture.presence.update(
                        own.map { .init(.opened, Identity(client: $0)) }, on: fixture.identity.name)
                }
                for client in clients { try await presence.join(client, [room]) }
                try await bus.subscribe(inbox, to: ["evt_im_v2_wsOffline"])
                let link = try #require((bus as? RedisTransport)?.link)
                let leases = try await link.client.send(RedisCommand("ZRANGE", "im_v2_wsLease", "0", "-1"))
                let shifts = (leases.array ?? []).compactMap(\.string).map {
                    RedisCommand("ZINCRBY", "im_v2_wsLease", .integer(-milliseconds), .string($0))
                }
                #expect(shifts.count == 2)
                _ = try await link.client.pipeline(shifts)
                // Every node has renewed its lease, or enlisted anew, and kept it for longer than it lasts.
                let start = ContinuousClock.now
                try await eventually(every: .milliseconds(20)) {
                    let found = (try await presence.onlineCount(), try await presence.memberCount(of: room))
                    #expect(found == (clients.count, clients.count))
                    return start.duration(to: .now) > .seconds(3)
                }
                #expect(inbox.count == 0)
                let ends = try await link.client.send(RedisCommand("ZRANGE", "im_v2_wsLease", "0", "-1", "WITHSCORES"))
                let time = try await link.client.send(RedisCommand("TIME")).array?.first?.string.flatMap { Double($0) }
                let now = try #require(time) * 1_000
                for end in (ends.array ?? []).compactMap({ $0.string.flatMap { Double($0) } }) {
                    #expect(end < now + 10_000)
                }
            }
        }
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

    /// A node that is cut off: its client goes offline with its lease, joins and leaves are not heard, and then it is back.
    @Test("a client is in the right channels again when its node was cut off for longer than its lease")
    func cutOff() async throws {
        try await withServer { server in
            let fixtures = try ["a", "b"].map { name in
                try makePresence(server.url, name: name, servers: ["a", "b"]) {
                    $0.lease = .milliseconds(600)
                    $0.renewal = .milliseconds(100)
                }
            }
            let (node, other) = (fixtures[0], fixtures[1].presence)
            let names = try (0..<5).map { try #require(ChannelName("room\($0)")) }
            let client: ClientID = 2
            let inbox = RecordingInbox(on: MultiThreadedEventLoopGroup.singleton.next())
            try await running(fixtures.map(\.bus) + [other]) {
                for fixture in fixtures { try await fixture.bus.ready() }
                _ = try await other.update([.init(.opened, Identity(client: 3))], on: "b")
                _ = try await node.presence.update([.init(.opened, Identity(client: client))], on: "a")
                try await other.join(client, Array(names[0...1]))
                // Its lease is not renewed.
                try await other.join(client, [names[2]])
                try await other.leave(client, [names[0]])
                try await eventually(every: .milliseconds(20)) { try await other.onlineCount() == 1 }
                #expect(try await other.channels(of: client) == [])
                try await other.join(client, [names[3]])
                try await other.leave(client, [names[1]])
                try await node.bus.subscribe(inbox, to: [node.identity.subjects.server("a")])
                try await running([node.presence]) {
                    let right = Set(names[2...3])
                    try await eventually { try await Set(other.channels(of: client)) == right }
                    try await eventually {
                        try inbox.envelopes.contains { envelope in
                            guard case .membership(let change) = envelope else { return false }
                            return change.kind == .exact && Set(change.channels) == right
                        }
                    }
                    #expect(try await other.memberCount(of: names[1]) == 0)
                    #expect(try await other.memberCount(of: names[2]) == 1)
                }
            }
        }
    }

    @Test(
        "what a client leaves before its node has stored it anew does not come back with it, what it joins again does")
    func leftMeanwhile() async throws {
        try await withServer { server in
            let fixture = try makePresence(server.url)
            let presence = try #require(fixture.presence as? RedisPresence)
            let names = try ["one", "two", "three"].map { try #require(ChannelName($0)) }
            try await running([fixture.bus, fixture.presence]) {
                try await fixture.bus.ready()
                _ = try await presence.leave(7, [names[0], names[1]])
                _ = try await presence.join(7, [names[1]])
                try await presence.store.enlist("a@1-1", node: "a")
                let row = PresenceStore.Row(
                    identity: Identity(client: 7), connections: 1, channels: names, devices: [])
                _ = try await presence.store.restore(
                    [row], incarnation: "a@1-1", older: "", node: "a", isIndexRight: true)
                #expect(try await Set(presence.channels(of: 7)) == [names[1], names[2]])
            }
        }
    }

    @Test("whose channels cannot be told, since they are not stored for the node, is answered")
    func untold() async throws {
        try await withServer { server in
            let fixture = try makePresence(server.url)
            let presence = try #require(fixture.presence as? RedisPresence)
            try await running([fixture.bus, fixture.presence]) {
                try await fixture.bus.ready()
                _ = try await presence.update([.init(.opened, Identity(client: 2))], on: "a")
                #expect(try await presence.store.retell([1, 2, 3], to: "a") == [1, 3])
            }
        }
    }

    @Test("a client that comes to a node anew does not get the channels of before a crash")
    func crashed() async throws {
        try await withServer { server in
            let fixtures = try ["a", "a", "b"].map { name in
                try makePresence(server.url, name: name, servers: ["a", "b"]) {
                    $0.lease = .milliseconds(600)
                    $0.renewal = .milliseconds(100)
                }
            }
            let (dead, node, other) = (fixtures[0], fixtures[1], fixtures[2])
            let room = try #require(ChannelName("room"))
            try await running(fixtures.map(\.bus) + [other.presence]) {
                for fixture in fixtures { try await fixture.bus.ready() }
                _ = try await other.presence.update([.init(.opened, Identity(client: 3))], on: "b")
                _ = try await dead.presence.update([.init(.opened, Identity(client: 2))], on: "a")
                try await other.presence.join(2, [room])
                try await eventually(every: .milliseconds(20)) { try await other.presence.onlineCount() == 1 }
                // Its lease runs out as well, so that its client is stored anew.
                _ = try await node.presence.update([.init(.opened, Identity(client: 4))], on: "a")
                try await eventually(every: .milliseconds(20)) { try await other.presence.onlineCount() == 1 }
                _ = try await node.presence.update([.init(.opened, Identity(client: 2))], on: "a")
                try await running([node.presence]) {
                    try await eventually { try await other.presence.onlineCount() == 3 }
                    #expect(try await other.presence.channels(of: 2) == [])
                }
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
