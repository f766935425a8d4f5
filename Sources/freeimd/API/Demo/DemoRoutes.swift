import FreeIMCore
import Hummingbird

/// The page's files, and the one thing that a page needs of its business service: a connect URL.
enum DemoRoutes {
    /// Bytes of a request for a connect URL.
    private static let maximumBody = 4_096
    private static let bodyTimeout = Duration.seconds(10)

    static func add(to router: Router<APIContext>, messenger: Messenger, _ pending: PendingBodies) {
        for file in DemoFile.all {
            router.get(RouterPath(file.path)) { _, _ -> Response in file.response() }
        }
        let bodies = BodyReader(limit: maximumBody, timeout: bodyTimeout, pending: pending)
        router.post("demo/connect") { request, _ -> JSONAnswer in
            try requireJSON(request)
            let body = try await bodies.object(of: request, members: ["nickname", "key"])
            let visitor = try DemoVisitor(
                nickname: try body.required("nickname").string(), key: try body.optional("key")?.string())
            let connect = try await messenger.connectURL(for: visitor.client, metadata: visitor.nickname)
            return [
                "client": .client(visitor.client), "nickname": .string(DemoVisitor.nickname(of: visitor.client)),
                "key": .string(visitor.key), "url": .string(connect.url),
            ]
        }
    }

    /// A page of another site can send a form, but JSON only where we allow it (Fetch §3.3.5).
    private static func requireJSON(_ request: Request) throws(APIFault) {
        let type = request.headers[.contentType]?.prefix { $0 != ";" }
        guard type.map(String.init)?.trimmed.lowercased() == "application/json" else {
            throw APIFault(
                status: .unsupportedMediaType, code: "unsupported_media_type",
                message: "the body must be JSON, with 'Content-Type: application/json'")
        }
    }
}
