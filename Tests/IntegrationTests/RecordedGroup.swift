import FreeIMTestSupport
import RedisClient
import RedisTestSupport
import Testing

/// A recorded group of calls, sent to a cluster as ImHelper sent them, with terminals for the clients of whom they speak.
final class RecordedGroup {
    private let cluster: Cluster
    private let calls: [CallVector]
    private let keyPrefix: String
    private let events = EventLog()
    private var terminals: [Int: Terminal] = [:]
    private var isOnlineWritten = false
    private var markers = 0

    init(_ calls: [CallVector], _ cluster: Cluster) {
        self.calls = calls
        self.cluster = cluster
        keyPrefix = calls.first?.keyPrefix ?? ""
    }

    func replay() async throws {
        try await clear()
        for call in calls { try await replay(call) }
        try await closeAll()
    }

    private func replay(_ call: CallVector) async throws {
        try await prepare(call)
        var members: Set<Int> = []
        if let channel = call.channel {
            try await move(CallVector.members, Cluster.joinScript, channel)
            members = Set(try await cluster.hash("\(keyPrefix)Chan\(channel)").keys.compactMap { Int($0) })
        }
        let outcome = try call.outcome(among: Set(terminals.keys), members: members)
        try await send(call)
        try await check(outcome, call)
        if let channel = call.channel { try await move(CallVector.members, Cluster.leaveScript, channel) }
        try await checkState(call)
        try await connect(call)
    }

    private func prepare(_ call: CallVector) async throws {
        if call.isAboutOnline { try await closeAll() }
        // The recordings set their keys up from nothing.
        if call.setup != nil || isOnlineWritten && !call.isAboutOnline { try await clear() }
        if let setup = call.setup {
            try await cluster.pipeline(setup.map(RedisCommand.init))
            isOnlineWritten = true
        }
        // Joins that the recording leaves out.
        if call.call == "EventBus", !calls.contains(where: { $0.call == "JoinChan" }) {
            for (key, entry) in call.stateAfter ?? [:] where key.hasPrefix("\(keyPrefix)Client") {
                let id = String(key.dropFirst("\(keyPrefix)Client".count))
                for channel in entry.value.object?.keys.sorted() ?? [] {
                    try await cluster.pipeline([command(Cluster.joinScript, id, channel)])
                }
            }
        }
        guard !call.isAboutOnline else { return }
        // 2 is there whatever is said, and mostly hears nothing.
        for id in call.clients + [2] where terminals[id] == nil && !CallVector.absent.contains(id) {
            terminals[id] = try await cluster.connect(id)
            try await eventually { try await self.isOnline(id) }
        }
    }

    private func send(_ call: CallVector) async throws {
        let sent = call.commands.filter { $0.argv[0] != "SUBSCRIBE" }
        let replies = try await cluster.redis.pipeline(sent.map { RedisCommand($0.argv) })
        for (command, reply) in zip(sent, replies) {
            switch command.argv[0] {
            case "PUBLISH": #expect(reply == .integer(call.isServed ? 1 : 0), "\(command)")
            case "PING", "CLIENT": #expect(reply.error == nil, "\(command)")
            default: #expect(reply.is(command.reply ?? .null), "\(reply) to \(command)")
            }
        }
        for command in call.commands where command.argv[0] == "SUBSCRIBE" {
            try await cluster.redis.subscribe(events, to: Array(command.argv.dropFirst()))
        }
        guard sent.isEmpty else { return }
        for event in call.published {
            try await cluster.pipeline([RedisCommand(["PUBLISH", event.channel, event.payload])])
            try await eventually { self.events.bodies(event.channel).last == event.payload }
        }
    }

    // MARK: What terminals receive

    private func check(_ outcome: [Int: [Terminal.Event]], _ call: CallVector) async throws {
        var received: [Int: [Terminal.Event]] = [:]
        // Receipts come by way of another node, so no marker can be sent before them.
        for (id, events) in outcome {
            let terminal = try #require(terminals[id])
            for event in events {
                do {
                    received[id, default: []].append(try await terminal.next())
                } catch {
                    Issue.record("client \(id) waits for \(event) after \(received): \(call)")
                    throw error
                }
            }
        }
        for (id, events) in received where events.contains(where: \.isClose) {
            terminals[id] = nil
            try await eventually { try await !self.isOnline(id) }
        }
        markers += 1
        let marker = "marker \(markers)"
        try await cluster.pipeline(
            terminals.keys.map { id in
                cluster.publication(
                    #"{"Item1":0,"Item2":[\#(id)],"Item3":"\#(marker)","Item4":false}"#, to: cluster.home(of: id))
            })
        for (id, terminal) in terminals {
            while true {
                let event = try await terminal.next()
                if event == .text(marker) { break }
                received[id, default: []].append(event)
            }
        }
        #expect(received.mapValues(Self.sorted) == outcome.mapValues(Self.sorted), "\(call)")
    }

    private static func sorted(_ events: [Terminal.Event]) -> [String] { events.map { "\($0)" }.sorted() }

    /// With the token of the call, which lets in once, and whose value is the event.
    private func connect(_ call: CallVector) async throws {
        guard let (server, target) = call.connectURL, let id = call.args?[0].integer.map({ Int($0) }),
            let node = cluster.names.firstIndex(of: server)
        else { return }
        #expect(node == cluster.home(of: id))
        let port = cluster.nodes[node].gatewayPort
        cluster.events.clear()
        terminals[id] = try await Terminal.connect(port, target)
        let value = call.commands[0].argv[2]
        try await eventually { self.cluster.events.bodies("evt_\(self.cluster.layout.prefix)Online").last == value }
        #expect(try await isOnline(id))
        await #expect(throws: Terminal.Refused.self) { _ = try await Terminal.connect(port, target) }
    }

    private func closeAll() async throws {
        for terminal in terminals.values { try await terminal.close() }
        for id in terminals.keys { try await eventually { try await !self.isOnline(id) } }
        terminals.removeAll()
    }

    // MARK: What stands in Redis

    private func checkState(_ call: CallVector) async throws {
        guard let state = call.stateAfter else { return }
        for (key, entry) in state {
            if entry.type == "hash" {
                let found = try await cluster.hash(key).mapValues { JSON.string($0) }
                #expect(found == entry.value.object, "\(key) after \(call)")
            } else {
                let found = try await cluster.redis.send(RedisCommand(["GET", key])).string
                #expect(found == entry.value.string, "\(key) after \(call)")
            }
            let ttl = try await cluster.redis.send(RedisCommand(["TTL", key])).integer ?? 0
            #expect(entry.ttl < 0 ? ttl == entry.ttl : (1...entry.ttl).contains(ttl), "\(key) after \(call)")
        }
        let isChannels = { (key: String) in !key.hasPrefix("\(self.keyPrefix)Token") && !key.hasSuffix("Online") }
        let found = try await keys().filter(isChannels)
        #expect(Set(found) == Set(state.keys.filter(isChannels)), "after \(call)")
    }

    private func isOnline(_ id: Int) async throws -> Bool {
        let key = "\(cluster.layout.keyPrefix)\(cluster.layout.prefix)Online"
        return try await cluster.redis.send(RedisCommand(["HEXISTS", key, "\(id)"])).integer == 1
    }

    /// The keys that ImHelper writes, and `Online`.
    private func keys() async throws -> [String] {
        let keys = try await cluster.redis.send(RedisCommand(["KEYS", "\(keyPrefix)*"])).array ?? []
        return keys.compactMap(\.string).filter { key in
            let name = key.dropFirst(keyPrefix.count)
            return name == "Online" || name == "ListChan" || name.hasPrefix("Chan") || name.hasPrefix("Client")
        }
    }

    private func clear() async throws {
        let keys = try await keys()
        if !keys.isEmpty { try await cluster.pipeline([RedisCommand(["DEL"] + keys)]) }
        isOnlineWritten = false
    }

    private func move(_ ids: [Int], _ script: String, _ channel: String) async throws {
        try await cluster.pipeline(ids.map { command(script, "\($0)", channel) })
    }

    private func command(_ script: String, _ id: String, _ channel: String) -> RedisCommand {
        RedisCommand([
            "EVAL", script, "3", "\(keyPrefix)Chan\(channel)", "\(keyPrefix)Client\(id)", "\(keyPrefix)ListChan", id,
            channel,
        ])
    }
}

extension Terminal.Event {
    fileprivate var isClose: Bool { if case .close = self { true } else { false } }
}
