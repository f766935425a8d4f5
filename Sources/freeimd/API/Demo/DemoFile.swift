import Hummingbird
import NIOCore

/// A file of the demo page, built into the program.
struct DemoFile: Sendable {
    let path: String
    private let contentType: String
    private let bytes: ByteBuffer

    static let all = [
        DemoFile("/", "text/html", PackageResources.index_html),
        DemoFile("/demo/chat.css", "text/css", PackageResources.chat_css),
        DemoFile("/demo/chat.js", "text/javascript", PackageResources.chat_js),
        DemoFile("/demo/connection.js", "text/javascript", PackageResources.connection_js),
        DemoFile("/demo/state.js", "text/javascript", PackageResources.state_js),
        DemoFile("/demo/view.js", "text/javascript", PackageResources.view_js),
    ]

    private init(_ path: String, _ contentType: String, _ bytes: [UInt8]) {
        self.path = path
        self.contentType = "\(contentType); charset=utf-8"
        self.bytes = ByteBuffer(bytes: bytes)
    }

    func response() -> Response {
        Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    private var headers: HTTPFields {
        [
            .contentType: contentType, .contentLength: String(bytes.readableBytes),
            // A newer program has newer files under the same names.
            .cacheControl: "no-cache",
            .contentSecurityPolicy: Self.policy, .xContentTypeOptions: "nosniff",
        ]
    }

    /// Scripts and styles of this server only. The node's WebSocket may be under any name, with or without TLS.
    private static let policy = """
        default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ws: wss:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """
}
