import FreeIMCore
import FreeIMRedisMessenger
import NIOCore
import RedisClient
import RedisTestSupport
import ServiceLifecycle
import Testing

/// One recorded call, made through our messenger.
struct Replay {
    private let vector: CallVector
    private let messenger: Messenger

    init(_ vector: CallVector, _ messenger: Messenger) {
        self.vector = vector
        self.messenger = messenger
    }

    private var args: [JSON] { vector.args ?? [] }
    private func client(_ index: Int) throws -> ClientID { ClientID(try #require(args[index].integer)) }
    private func channels(_ values: ArraySlice<JSON>) -> [ChannelName] {
        values.compactMap { $0.string.flatMap { ChannelName($0) } }
    }

    /// Makes the call and checks its result. False for what has no counterpart in our messenger.
    func check() async throws -> Bool {
        // .NET throws where the sign of an id makes the index negative; ours has a node for it.
        guard vector.error == nil else { return false }
        switch vector.call {
        case "PrevConnectServer": return try await connectURL()
        case "SendMessage": return try await send()
        case "SendChanMessage":
            guard let channel = args[1].string.flatMap({ ChannelName($0) }), let payload = try payload() else {
                return false
            }
            try await messenger.send(payload, from: sender(0), toChannel: channel)
        case "SendBroadcastMessage":
            guard let payload = try payload() else { return false }
            try await messenger.broadcast(payload)
        case "ForceOffline":
            guard args[0].integer != 0 else { return false }
            try await messenger.forceOffline(client(0))
        default: return try await checkQueries()
        }
        return true
    }

    private func checkQueries() async throws -> Bool {
        switch vector.call {
        case "HasOnline":
            guard let list = args[0].array else {
                #expect(try await messenger.isOnline(client(0)) == vector.result?.bool)
                return true
            }
            let online = try await messenger.isOnline(list.compactMap(\.integer).map { ClientID($0) })
            #expect(online.map(JSON.bool) == vector.result?.array ?? [])
        case "JoinChan": try await messenger.join(client(0), channels(args.dropFirst()))
        case "LeaveChan":
            if args[0].integer != nil {
                try await messenger.leave(client(0), channels(args.dropFirst()))
            } else if let channel = args[0].string.flatMap({ ChannelName($0) }) {
                try await messenger.remove(args.dropFirst().compactMap(\.integer).map { ClientID($0) }, from: channel)
            }
        case "GetChanOnline":
            guard let channel = args[0].string.flatMap({ ChannelName($0) }) else { return false }
            #expect(try await Int64(messenger.onlineCount(in: channel)) == vector.result?.integer)
        case "GetChanList":
            let found = try await messenger.allChannels().map {
                JSON.object(["chan": .string($0.channel.text), "online": .integer(Int64($0.members))])
            }
            #expect(found == vector.result?.array ?? [])
        case "GetChanClientList":
            let channel = try #require(args[0].string.flatMap { ChannelName($0) })
            #expect(try await messenger.allMembers(of: channel).map { $0.description } == texts(vector.result))
        case "GetChanListByClientId":
            #expect(try await messenger.channels(of: client(0)).map(\.text) == texts(vector.result))
        case "GetClientListByOnline":
            #expect(try await messenger.allOnlineClients().map { $0.description } == texts(vector.result))
        default: return false
        }
        return true
    }

    private func texts(_ list: JSON?) -> [String] {
        list?.array?.compactMap { $0.string ?? $0.integer.map { "\($0)" } } ?? []
    }

    private func sender(_ index: Int) -> ClientID? {
        args[index].integer.flatMap { $0 == 0 ? nil : ClientID($0) }
    }

    private func connectURL() async throws -> Bool {
        guard let client = args[0].integer, client != 0 else { return false }
        let url = try await messenger.connectURL(for: ClientID(client), metadata: args[1].string).url
        let expected = try #require(vector.result?.string)
        #expect(url.prefix { $0 != "=" } == expected.prefix { $0 != "=" })
        return true
    }

    private func send() async throws -> Bool {
        guard let payload = try payload() else { return vector.commands.isEmpty }
        let receivers = args[1].array?.compactMap(\.integer) ?? []
        guard !receivers.contains(0) else { return false }
        try await messenger.send(
            payload, from: sender(0), to: receivers.map { ClientID($0) }, receipt: args.last?.bool ?? false)
        return true
    }

    /// What was sent, whatever .NET made it of; nil where nothing was.
    private func payload() throws -> MessagePayload? {
        guard let body = vector.commands.first?.argv.last else { return nil }
        switch try EnvelopeCodec.decode(ByteBuffer(string: body)) {
        case .direct(let message): return MessagePayload(text: String(buffer: message.payload))
        case .channel(_, _, let payload), .broadcast(_, let payload):
            return MessagePayload(text: String(buffer: payload))
        default: return nil
        }
    }
}

/// A raw client, run with the others.
struct RunningRedis: Service {
    let client: RedisClient

    func run() async throws {
        let run = Task { try await client.run() }
        try? await gracefulShutdown()
        await client.stop()
        try await run.value
    }
}
