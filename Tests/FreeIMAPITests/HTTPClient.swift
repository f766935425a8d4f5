import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// An answer of the API under test.
struct Answer: Sendable {
    var status = 0
    var headers = HTTPHeaders()
    var body = ""
}

/// HTTP over loopback, a connection per request, the path as it is given.
struct HTTPClient: Sendable {
    let port: Int
    /// nil: in clear.
    var tls: NIOSSLContext?

    func send(
        _ method: HTTPMethod, _ path: String, _ body: String? = nil, headers: [(String, String)] = [],
        isChunked: Bool = false
    ) async throws -> Answer {
        let group = MultiThreadedEventLoopGroup.singleton
        let promise = group.next().makePromise(of: Answer.self)
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: tls, serverHostname: nil))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(AnswerHandler(promise))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        var fields = HTTPHeaders([("Host", "127.0.0.1:\(port)"), ("Connection", "close")])
        for (name, value) in headers { fields.replaceOrAdd(name: name, value: value) }
        if isChunked {
            fields.add(name: "Transfer-Encoding", value: "chunked")
        } else if let body {
            fields.add(name: "Content-Length", value: String(body.utf8.count))
        }
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: path, headers: fields)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if let body { channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil) }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        return try await promise.futureResult.get()
    }

    static let healthRequest = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"

    func connect() async throws -> any Channel {
        try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port).get()
    }

    /// A connection in clear that has been answered once, and stays.
    func hold() async throws -> any Channel {
        let channel = try await connect()
        let answered = channel.eventLoop.makePromise(of: Void.self)
        try await channel.pipeline.addHandler(FirstRead(answered))
        try await channel.writeAndFlush(ByteBuffer(string: Self.healthRequest))
        try await answered.futureResult.get()
        return channel
    }

    /// Sends bytes, and reads until the server closes.
    func exchange(_ text: String) async throws -> String {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ""
            for try await part in inbound { answer += String(buffer: part) }
            return answer
        }
    }
}

private final class FirstRead: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<Void>

    init(_ promise: EventLoopPromise<Void>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { promise.succeed() }
    func channelInactive(context: ChannelHandlerContext) { promise.fail(ChannelError.eof) }
}

private final class AnswerHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<Answer>
    private var answer = Answer()

    init(_ promise: EventLoopPromise<Answer>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            answer.status = Int(head.status.code)
            answer.headers = head.headers
        case .body(let body):
            answer.body += String(buffer: body)
        case .end:
            promise.succeed(answer)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
    }
}
