import NIOCore
import NIOPosix
import NIOSSL
import NIOWebSocket
import Testing

/// A WebSocket client over TCP, with SwiftNIO's frame codec, which is not ours.
final class Terminal: Sendable {
    enum Event: Equatable {
        case text(String)
        case binary([UInt8])
        case ping
        case pong(String)
        /// nil: a close frame without a code.
        case close(UInt16?, String)
        /// The connection has ended.
        case end
    }

    /// The server's answer to a request that it did not take.
    struct Refused: Error {
        let status: Int
        let head: String
        let body: String
    }

    private let channel: any Channel
    private let events: EventQueue

    private init(channel: any Channel, events: EventQueue) {
        self.channel = channel
        self.events = events
    }

    deinit {
        channel.close(promise: nil)
    }

    /// Opens a WebSocket.
    ///
    /// - Parameters:
    ///   - headers: replace the usual fields of that name; an empty value leaves the field out.
    ///   - answersPings: as RFC 6455 asks of every endpoint.
    ///   - authority: the file of the only authority that the terminal knows; nil: without TLS.
    static func connect(
        _ port: Int, _ target: String, headers: [String: String] = [:], answersPings: Bool = true,
        receiveBuffer: Int? = nil, trusting authority: String? = nil
    ) async throws -> Terminal {
        var fields = [
            "Host": "127.0.0.1:\(port)", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        ]
        fields.merge(headers) { $1 }
        let lines = fields.filter { !$0.value.isEmpty }.map { "\($0): \($1)\r\n" }.joined()
        return try await connect(
            port, request: "GET \(target) HTTP/1.1\r\n\(lines)\r\n", answersPings: answersPings,
            receiveBuffer: receiveBuffer, trusting: authority)
    }

    /// Sends any bytes as the request.
    static func connect(
        _ port: Int, request: String, answersPings: Bool = true, receiveBuffer: Int? = nil,
        trusting authority: String? = nil
    ) async throws -> Terminal {
        let events = EventQueue()
        let tls = try authority.map(Self.tls)
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: nil))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        Opening(events: events, answersPings: answersPings))
                }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        // Where the server has refused already, its answer tells more than the failed write.
        channel.writeAndFlush(ByteBuffer(string: request), promise: nil)
        let terminal = Terminal(channel: channel, events: events)
        if let refused = try await events.opened() { throw refused }
        return terminal
    }

    private static func tls(trusting authority: String) throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.trustRoots = .file(authority)
        return try NIOSSLContext(configuration: settings)
    }

    /// The next event; fails where none comes within the deadline.
    func next(within deadline: Duration = .seconds(30)) async throws -> Event {
        try await events.next(within: deadline)
    }

    /// The same for a terminal that may have been silent for so long that it is pinged.
    func nextBesidesPings() async throws -> Event {
        while true {
            let event = try await next()
            if event != .ping { return event }
        }
    }

    /// The next texts.
    func texts(_ count: Int) async throws -> [String] {
        var texts: [String] = []
        while texts.count < count {
            guard case .text(let text) = try await next() else { continue }
            texts.append(text)
        }
        return texts
    }

    func send(_ text: String) async throws {
        try await send(WebSocketFrame(fin: true, opcode: .text, maskKey: .random(), data: ByteBuffer(string: text)))
    }

    func send(_ frame: WebSocketFrame) async throws {
        try await channel.writeAndFlush(frame).get()
    }

    /// Stops or resumes reading the socket.
    func read(_ isOn: Bool) async throws {
        try await channel.setOption(.autoRead, value: isOn).get()
    }

    func close() async throws {
        try await channel.close().get()
    }
}

/// The events of one terminal, in order; one task waits at a time.
final class EventQueue: Sendable {
    private let stream: AsyncStream<Terminal.Event>
    private let continuation: AsyncStream<Terminal.Event>.Continuation
    private let opening: AsyncStream<Terminal.Refused?>
    private let openingContinuation: AsyncStream<Terminal.Refused?>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
        (opening, openingContinuation) = AsyncStream.makeStream()
    }

    func add(_ event: Terminal.Event) { continuation.yield(event) }
    func open(_ refused: Terminal.Refused?) { openingContinuation.yield(refused) }

    func opened() async throws -> Terminal.Refused? {
        try await within(.seconds(20)) { [opening] in await opening.first { _ in true } } ?? nil
    }

    func next(within deadline: Duration) async throws -> Terminal.Event {
        let event = try await within(deadline) { [stream] in await stream.first { _ in true } }
        return try #require(event)
    }

    private func within<Result: Sendable>(
        _ deadline: Duration, _ body: @escaping @Sendable () async -> Result?
    ) async throws -> Result? {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { await body() }
            group.addTask {
                try await ContinuousClock().sleep(for: deadline)
                throw Overdue(deadline: deadline)
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    struct Overdue: Error {
        let deadline: Duration
    }
}

/// Reads the HTTP answer, then becomes a frame decoder.
private final class Opening: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let events: EventQueue
    private let answersPings: Bool
    private var answer = ""
    private var isOver = false

    init(events: EventQueue, answersPings: Bool) {
        self.events = events
        self.answersPings = answersPings
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard let rest = String(buffer: bytes).firstRange(of: "\r\n\r\n"), answer.isEmpty,
            answer.isEmpty, String(buffer: bytes).hasPrefix("HTTP/1.1 101")
        else {
            answer += String(buffer: bytes)
            return
        }
        let head = String(String(buffer: bytes)[..<rest.upperBound])
        bytes.moveReaderIndex(forwardBy: head.utf8.count)
        isOver = true
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandlers([
                WebSocketFrameEncoder(), ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 26)),
                Frames(events: events, answersPings: answersPings),
            ])
        } catch {
            return context.close(promise: nil)
        }
        events.open(nil)
        if bytes.readableBytes > 0 { context.fireChannelRead(NIOAny(bytes)) }
        pipeline.removeHandler(self, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        guard !isOver else { return context.fireChannelInactive() }
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        let status = answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        events.open(
            Terminal.Refused(
                status: status, head: String(parts.first ?? ""), body: parts.count == 2 ? String(parts[1]) : ""))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

private final class Frames: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let events: EventQueue
    private let answersPings: Bool

    init(events: EventQueue, answersPings: Bool) {
        self.events = events
        self.answersPings = answersPings
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .text: events.add(.text(String(buffer: payload)))
        case .binary: events.add(.binary(Array(payload.readableBytesView)))
        case .ping:
            events.add(.ping)
            if answersPings {
                let pong = WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: payload)
                context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
            }
        case .pong: events.add(.pong(String(buffer: payload)))
        case .connectionClose:
            let code = payload.readInteger(as: UInt16.self)
            events.add(.close(code, String(buffer: payload)))
            let reply = WebSocketFrame(
                fin: true, opcode: .connectionClose, maskKey: .random(), data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        events.add(.end)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
