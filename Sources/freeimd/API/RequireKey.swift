import Crypto
import FoundationEssentials
import Hummingbird

/// Lets requests pass that show one of the keys.
struct RequireKey: RouterMiddleware {
    /// Of equal length, whatever the keys'; swift-crypto compares digests in constant time.
    private let digests: [SHA256.Digest]
    private let addresses: Addresses

    init(_ keys: [String], _ addresses: Addresses) {
        self.addresses = addresses
        digests = keys.map { SHA256.hash(data: Data($0.utf8)) }
    }

    func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let key = Self.key(of: request)
        let origin = key == nil ? nil : addresses.origin(of: request, context.channel.remoteAddress)
        try origin.map(addresses.checkDenials)
        guard let key, isKnown(key) else {
            if let origin { addresses.denied(origin) }
            throw APIFault(
                status: .unauthorized, code: "unauthorized",
                message: "this needs one of the node's API keys, as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        return try await next(request, context)
    }

    private func isKnown(_ key: some StringProtocol) -> Bool {
        let digest = SHA256.hash(data: Data(key.utf8))
        // Compares with every key, so that the time does not tell which one was close.
        return digests.reduce(false) { found, known in (known == digest) || found }
    }

    private static func key(of request: Request) -> String? {
        if let field = request.headers.first(where: { $0.name.canonicalName == "x-api-key" }) { return field.value }
        // RFC 6750 §2.1; RFC 9110 §11.1: the scheme's case does not count.
        guard let field = request.headers[.authorization] else { return nil }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return String(parts[1])
    }
}
