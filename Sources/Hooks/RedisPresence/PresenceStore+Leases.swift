import FoundationEssentials
import FreeIMCore
import NIOCore
import RedisClient

extension PresenceStore {
    /// What a renewal tells of the cluster.
    struct Lease {
        /// Incarnations whose leases have run out.
        let expired: [String]
        /// The nodes' lists of servers.
        let servers: [[String]]
        /// The list of a business service that differs from them.
        let businessServers: [String]?
    }

    func enlist(_ incarnation: String, node: String) async throws(PresenceError) {
        _ = try await run(
            PresenceScripts.enlist,
            [
                .string(incarnation), .string(node), .integer(configuration.lease.wholeMilliseconds),
                .bytes(Self.json(keys.identity.servers)),
            ])
    }

    func retire(before incarnation: String, node: String) async throws(PresenceError) {
        _ = try await run(PresenceScripts.retire, [.string(incarnation), .string(node)])
    }

    /// nil where the lease has run out.
    func renew(_ incarnation: String) async throws(PresenceError) -> Lease? {
        let answer = try await run(
            PresenceScripts.renew, [.string(incarnation), .integer(configuration.lease.wholeMilliseconds)])
        guard let parts = answer.array, let status = parts.first?.string else { throw .unexpected(answer) }
        if status == "lost" { return nil }
        guard parts.count == 3, let expired = parts[1].array, let servers = parts[2].array else {
            throw .unexpected(answer)
        }
        return Lease(
            expired: expired.compactMap(\.string), servers: servers.dropLast().compactMap(Self.texts),
            businessServers: servers.last.flatMap(Self.texts))
    }

    /// Takes all connections of an incarnation whose lease has run out, in small parts. Returns how many clients.
    func sweep(_ incarnation: String, _ events: EventBus?) async throws(PresenceError) -> Int {
        var count = 0
        while true {
            let answer = try await run(
                PresenceScripts.sweep,
                [
                    .string(incarnation), .integer(configuration.sweepBatch), events == nil ? "0" : "1",
                    events?.announce == .everyConnection ? "1" : "0", events?.membership == true ? "1" : "0",
                ]
            ) { $0.element(2) }
            guard let parts = answer.array, parts.count == 3, let status = parts[0].string else {
                throw .unexpected(answer)
            }
            count += parts[1].integer.map(Int.init) ?? 0
            if status != "more" { return count }
        }
    }

    func resign(_ incarnation: String) async throws(PresenceError) {
        _ = try await run(PresenceScripts.resign, [.string(incarnation)])
    }

    /// Which process of Redis this is (INFO, `run_id`); empty where Redis does not tell.
    func redisRun() async throws(PresenceError) -> String {
        let answer: RedisValue
        do {
            answer = try await client.send(RedisCommand("INFO", "server"))
        } catch  where error.isReply && error.code == .noPerm {
            return ""
        } catch {
            throw PresenceError(redis: error)
        }
        let line = answer.string?.split(separator: "\r\n").first { $0.hasPrefix("run_id:") }
        return line.map(String.init) ?? ""
    }

    /// A list of JSON strings; nil where it is none.
    static func texts(_ value: RedisValue) -> [String]? {
        value.string.flatMap { try? JSONDecoder().decode([String].self, from: Data($0.utf8)) }
    }
}

extension Duration {
    var wholeMilliseconds: Int {
        Int(components.seconds) * 1_000 + Int(components.attoseconds / 1_000_000_000_000_000)
    }
}

extension RedisValue {
    func element(_ index: Int) -> RedisValue? {
        guard let array, array.indices.contains(index) else { return nil }
        return array[index]
    }
}
