import FreeIMCore
import Foundation
import FreeIMTestSupport
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

/// Clients with one connection each, which come back as a real one would: with a fresh URL, after a growing pause.
struct Terminals {
    let messenger: Messenger
    let ledger: Ledger
    let eventLoop: any EventLoop
    let ids: Range<Int>
    /// The connections that are open now.
    private let channels = Channels()
    private let stir = Stir()

    init(_ count: Int, messenger: Messenger, ledger: Ledger, eventLoop: any EventLoop) {
        self.messenger = messenger
        self.ledger = ledger
        self.eventLoop = eventLoop
        ids = 1..<count + 1
    }

    static let channelsOfAll = 10
    static func channel(of id: Int) -> Int { id % channelsOfAll }
    static func name(of channel: Int) -> ChannelName? { ChannelName("r\(channel)") }

    var connected: Int { channels.count }

    /// While it is so, some of them come and go by themselves, and some leave their channel and join it again.
    var isStirred: Bool {
        get { stir.isOn.load(ordering: .relaxed) }
        nonmutating set { stir.isOn.store(newValue, ordering: .relaxed) }
    }

    /// At most a hundred of each kind.
    private static func isRestless(_ id: Int) -> Bool { id % 9 == 3 && id < 900 }
    private static func isFickle(_ id: Int) -> Bool { id % 9 == 6 && id < 900 }

    /// Keeps all of them connected until it is cancelled; then they close.
    func run(seed: UInt64) async {
        await withTaskGroup(of: Void.self) { group in
            for id in ids {
                group.addTask { await keepConnected(id, SeededGenerator(seed: seed &+ UInt64(id))) }
            }
            await group.waitForAll()
        }
    }

    private func keepConnected(_ id: Int, _ generator: SeededGenerator) async {
        var generator = generator
        var pause = 0.25
        // A crowd does not come in one instant.
        await sleep(Double.random(in: 0...Double(ids.count) / 2_000, using: &generator))
        while !Task.isCancelled {
            if await connect(id, &generator) { pause = Self.isRestless(id) ? 2 : 0.25 }
            // As Terminals.md asks, from a quarter of a second to four, since a run is short.
            await sleep(pause * Double.random(in: 0.5...1, using: &generator))
            pause = min(pause * 2, 4)
        }
    }

    /// The pace of what terminals do by themselves; nothing else is waited for.
    private func sleep(_ seconds: Double) async {
        try? await Task.sleep(for: .seconds(seconds))
    }

    /// Returns at the connection's end; false where none came about.
    private func connect(_ id: Int, _ generator: inout SeededGenerator) async -> Bool {
        guard let url = try? await messenger.connectURL(for: ClientID(Int64(id))),
            let parts = URLComponents(string: url.url), let port = parts.port
        else { return false }
        let beginning = ledger.now
        let opening = try? await ClientBootstrap(group: eventLoop)
            .connectTimeout(.seconds(5))
            .connect(host: "127.0.0.1", port: port) { channel in
                upgrade(channel, id, target: "\(parts.path)?\(parts.query ?? "")", host: "127.0.0.1:\(port)")
            }
        guard let opening, let connection = try? await opening.get() else {
            ledger.abandoned(id, since: beginning)
            return false
        }
        channels.add(connection.channel)
        let pauses = generator
        _ = generator.next()
        await withTaskCancellationHandler {
            await join(id, connection)
            await live(id, connection, pauses)
            try? await connection.channel.closeFuture.get()
        } onCancel: {
            connection.channel.close(promise: nil)
        }
        channels.remove(connection.channel)
        return true
    }

    private func join(_ id: Int, _ connection: OpenConnection) async {
        guard let name = Self.name(of: Self.channel(of: id)) else { return }
        ledger.asks(connection.number)
        if await succeeds(connection, { try await messenger.join(ClientID(Int64(id)), [name]) }) {
            ledger.note(\.joined, connection.number)
        }
    }

    private func leave(_ id: Int, _ connection: OpenConnection) async {
        guard let name = Self.name(of: Self.channel(of: id)) else { return }
        ledger.note(\.leaving, connection.number)
        if await succeeds(connection, { try await messenger.leave(ClientID(Int64(id)), [name]) }) {
            ledger.note(\.left, connection.number)
        }
    }

    /// Repeats a call until it succeeds; false where the connection ends before.
    private func succeeds(_ connection: OpenConnection, _ call: () async throws -> [ChannelName]) async -> Bool {
        while connection.channel.isActive, !Task.isCancelled {
            if (try? await call()) != nil { return true }
            await sleep(0.5)
        }
        return false
    }

    /// What the restless and the fickle do with a connection.
    private func live(_ id: Int, _ connection: OpenConnection, _ generator: SeededGenerator) async {
        var generator = generator
        while Self.isRestless(id) || Self.isFickle(id), connection.channel.isActive, !Task.isCancelled {
            await sleep(Double.random(in: 1...5, using: &generator))
            guard isStirred else { continue }
            guard Self.isFickle(id) else { return connection.channel.close(promise: nil) }
            await leave(id, connection)
            await sleep(Double.random(in: 0.2...2, using: &generator))
            await join(id, connection)
        }
    }

    private func upgrade(
        _ channel: any Channel, _ id: Int, target: String, host: String
    ) -> EventLoopFuture<EventLoopFuture<OpenConnection>> {
        channel.eventLoop.makeCompletedFuture {
            let upgrader = NIOTypedWebSocketClientUpgrader(maxFrameSize: 1 << 16) { [ledger] channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    let number = ledger.opened(id)
                    try channel.pipeline.syncOperations.addHandler(Frames(ledger: ledger, connection: number))
                    return OpenConnection(channel: channel, number: number)
                }
            }
            let head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: target, headers: ["Host": host, "Content-Length": "0"])
            let upgrade = NIOTypedHTTPClientUpgradeConfiguration(upgradeRequestHead: head, upgraders: [upgrader]) {
                channel in
                channel.close(promise: nil)
                return channel.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
            }
            // A node that stands still answers later than a terminal waits.
            let patience = channel.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
            var configuration = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: upgrade)
            // Messages that come with the answer.
            configuration.leftOverBytesStrategy = .forwardBytes
            let opening = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                configuration: configuration)
            opening.whenComplete { _ in patience.cancel() }
            return opening
        }
    }
}

private struct OpenConnection: Sendable {
    let channel: any Channel
    let number: Int
}

private final class Stir: Sendable {
    let isOn = Atomic(false)
}

private final class Channels: Sendable {
    private let open = Mutex<Set<ObjectIdentifier>>([])
    var count: Int { open.withLock { $0.count } }
    func add(_ channel: any Channel) { open.withLock { _ = $0.insert(ObjectIdentifier(channel)) } }
    func remove(_ channel: any Channel) { open.withLock { _ = $0.remove(ObjectIdentifier(channel)) } }
}

private final class Frames: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let ledger: Ledger
    private let connection: Int

    init(ledger: Ledger, connection: Int) {
        self.ledger = ledger
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        switch frame.opcode {
        case .text: ledger.received(String(buffer: frame.unmaskedData), on: connection)
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .connectionClose: context.close(promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        ledger.closed(connection)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
