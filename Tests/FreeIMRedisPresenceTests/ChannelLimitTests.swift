import FreeIMCore
import FreeIMRedisPresence
import FreeIMTestSupport
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

/// A rule of the contract for a presence that limits channels.
struct ChannelRule: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let check: @Sendable (@escaping PresenceContract.MakeWithChannels) async throws -> Void

    static let all = [
        ChannelRule(testDescription: "channels of a client") { try await PresenceContract.limitsChannelsOfAClient($0) },
        ChannelRule(testDescription: "members of a channel") { try await PresenceContract.limitsMembersOfAChannel($0) },
        ChannelRule(testDescription: "many at once") { try await PresenceContract.limitsJoinsUnderConcurrency($0) },
        ChannelRule(testDescription: "no limits") { try await PresenceContract.joinsWithoutLimits($0) },
    ]
}

@Suite("The Redis presence limits channels")
struct ChannelLimitTests {
    private static let join = [
        "if redis.call('HSETNX',KEYS[1],ARGV[1],0)==1 then redis.call('HSET',KEYS[2],ARGV[2],0)",
        "redis.call('HINCRBY',KEYS[3],ARGV[2],1) end return 1",
    ].joined(separator: " ")

    @Test("as the contract says", arguments: ChannelRule.all, [false, true])
    func contract(_ rule: ChannelRule, _ ownLink: Bool) async throws {
        try await withServer { server in
            let url = server.url
            try await rule.check { limits in
                try makePresence(url, keyPrefix: "app:", ownLink: ownLink) { $0.channels = limits }
            }
        }
    }

    @Test("what ImHelper joins is not refused, and counts; what is refused leaves nothing in Redis")
    func imHelper() async throws {
        try await withServer { server in
            var limits = ChannelLimits()
            limits.channelsPerClient = 2
            limits.membersPerChannel = 2
            let fixture = try makePresence(server.url) { [limits] in $0.channels = limits }
            let raw = try RedisClient(
                try .init(url: server.url), eventLoop: MultiThreadedEventLoopGroup.singleton.next())
            try await running([fixture.bus, fixture.presence, RunningRedis(client: raw)]) {
                try await fixture.presence.ready()
                func join(_ id: String, _ channel: String) async throws {
                    _ = try await raw.send(
                        RedisCommand(
                            "EVAL", .string(Self.join), "3", "im_v2_wsChan\(channel)", "im_v2_wsClient\(id)",
                            "im_v2_wsListChan", .string(id), .string(channel)))
                }
                for channel in ["a", "b", "c"] { try await join("1", channel) }
                for id in ["2", "3"] { try await join(id, "c") }
                let before = try await Self.dump(raw)
                #expect(before["im_v2_wsChanc"] == ["1", "2", "3"])
                let further = try #require(ChannelName("d"))
                let full = try #require(ChannelName("c"))
                for (client, channel, code) in [
                    (1, further, PresenceError.Code.tooManyChannels), (4, full, .channelFull),
                ] as [(ClientID, ChannelName, PresenceError.Code)] {
                    let error = await #expect(throws: PresenceError.self) {
                        try await fixture.presence.join(client, [channel])
                    }
                    #expect(error?.code == code)
                }
                #expect(try await fixture.presence.join(1, [full]) == [])
                #expect(try await Self.dump(raw) == before)
            }
        }
    }

    /// The fields of FreeIM's hashes.
    private static func dump(_ client: RedisClient) async throws -> [String: Set<String>] {
        var dump: [String: Set<String>] = [:]
        for pattern in ["im_v2_wsChan*", "im_v2_wsClient*", "im_v2_wsListChan"] {
            for key in try await client.send(RedisCommand("KEYS", .string(pattern))).array?.compactMap(\.string) ?? [] {
                let fields = try await client.send(RedisCommand("HKEYS", .string(key))).array ?? []
                dump[key] = Set(fields.compactMap(\.string))
            }
        }
        return dump
    }
}
