import Hummingbird
import NIOCore

/// Guards an API without keys from web pages that the machine's user has open: a page of any site can send requests to
/// a loopback address.
struct RefuseBrowsers: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        // Browsers name the page's origin with every request across origins that can change something (Fetch §3.1),
        // and name the host that they believe to speak to: a foreign one that resolves to loopback is DNS rebinding.
        guard request.headers[.origin] == nil, Self.isLoopback(request.head.authority ?? "localhost") else {
            throw APIFault(
                status: .forbidden, code: "forbidden",
                message: """
                    without API keys this node serves programs on its own machine, and neither web pages nor other \
                    host names; add 'keys: [...]' to api.http
                    """)
        }
        return try await next(request, context)
    }

    private static func isLoopback(_ authority: String) -> Bool {
        let host: Substring
        if authority.hasPrefix("[") {
            host = authority.dropFirst().prefix { $0 != "]" }
        } else {
            host = authority.prefix { $0 != ":" }
        }
        if host == "127.0.0.1" || host.lowercased() == "localhost" { return true }
        // A name may begin with '127.' as well.
        guard let address = try? SocketAddress(ipAddress: String(host), port: 0) else { return false }
        return address.ipAddress == "::1" || address.ipAddress?.hasPrefix("127.") == true
    }
}
