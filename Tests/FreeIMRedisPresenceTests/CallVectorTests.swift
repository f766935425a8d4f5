import Foundation
import FreeIMCore
import FreeIMRedis
import FreeIMRedisMessenger
import FreeIMTestSupport
import NIOPosix
import RedisClient
import RedisTestSupport
import Testing

@Suite("A messenger over Redis sends what ImHelper sends")
struct CallVectorTests {
    @Test("the recorded calls, with their commands, results and state")
    func replay() async throws {
        try await withServer { server in
            var replayed: [String: Int] = [:]
            let calls = try CallVector.all().filter { $0.hasClient && !$0.isOfOtherSettings }
            for group in calls.grouped() {
                guard let servers = group[0].servers, let path = group[0].path else { continue }
                var configuration = RedisMessengerConfiguration(servers: servers, url: server.url)
                configuration.path = path
                configuration.dialects = [.v2]
                if group[0].group.contains("prefix") {
                    configuration.redis.keyPrefix = "pfx:"
                }
                let service = try RedisMessenger(configuration)
                let raw = try RedisClient(
                    try .init(url: configuration.redis.url), eventLoop: MultiThreadedEventLoopGroup.singleton.next())
                let monitor = try CommandMonitor(port: server.port)
                defer { monitor.end() }
                try await running([service, RunningRedis(client: raw)]) {
                    _ = try await raw.send(RedisCommand("FLUSHALL"))
                    try await monitor.listens()
                    try await service.ready()
                    for vector in group {
                        for command in vector.setup ?? [] {
                            // The recordings set their keys up from nothing.
                            if command[0] == "HSET" { _ = try await raw.send(RedisCommand("DEL", .string(command[1]))) }
                            _ = try await raw.send(Self.command(command))
                        }
                        _ = try await monitor.take(raw)
                        guard try await Replay(vector, service.messenger).check() else { continue }
                        replayed[vector.call, default: 0] += 1
                        let sent = try await monitor.take(raw)
                        #expect(Self.comparable(sent) == Self.comparable(vector.commands.map(\.argv)), "\(vector)")
                        try await Self.checkState(raw, vector)
                    }
                }
            }
            for call in ["PrevConnectServer", "SendMessage", "SendChanMessage", "SendBroadcastMessage", "ForceOffline"]
            {
                #expect(replayed[call, default: 0] >= 3, "\(call)")
            }
            for call in [
                "HasOnline", "JoinChan", "LeaveChan", "GetChanOnline", "GetChanList", "GetChanClientList",
                "GetChanListByClientId", "GetClientListByOnline",
            ] { #expect(replayed[call, default: 0] >= 1, "\(call)") }
        }
    }

    private static func command(_ argv: [String]) -> RedisCommand {
        RedisCommand(argv[0], argv.dropFirst().map { .string($0) })
    }

    /// Without what is random, and what we send beyond ImHelper: the transaction around a join or leave and the script
    /// that tells of it.
    private static func comparable(_ commands: [[String]]) -> [[String]] {
        commands.filter { argv in
            !(argv[0] == "MULTI" || argv[0] == "EXEC" || argv[0] == "HVALS" || (argv[0] == "EVAL" && argv[2] == "0"))
        }.map { argv in
            argv.map { argument in
                argument.range(of: "Token").map { String(argument[..<$0.upperBound]) } ?? argument
            }
        }
    }

    private static func checkState(_ client: RedisClient, _ vector: CallVector) async throws {
        for (key, entry) in vector.stateAfter ?? [:] where entry.type == "hash" {
            let fields = try await client.send(RedisCommand("HGETALL", .string(key))).array ?? []
            var found: [String: JSON] = [:]
            for at in stride(from: 0, to: fields.count - 1, by: 2) {
                found[fields[at].string ?? ""] = .string(fields[at + 1].string ?? "")
            }
            #expect(found == entry.value.object, "\(key) after \(vector)")
        }
    }
}
