import FreeIMCore
import Hummingbird

/// Reads what part of a list a request wants: `?limit=100&cursor=...`.
struct PageReader: Sendable {
    /// The largest `limit`.
    let limit: Int

    /// Of a list that has no further pages.
    func limit(of request: Request) throws(APIFault) -> Int {
        let page = try page(of: request)
        guard page.cursor == nil else { throw .invalidArgument("this list has no 'cursor'; raise 'limit'") }
        return page.limit
    }

    func page(of request: Request) throws(APIFault) -> PageRequest {
        var page = PageRequest()
        page.limit = min(page.limit, limit)
        for parameter in (request.uri.query ?? "").split(separator: "&") {
            let parts = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = PercentEncoding.decode(parts.count == 2 ? parts[1] : "", plusIsBlank: true)
            switch parts[0] {
            case "limit":
                guard let number = value.flatMap({ Int($0) }), 1...limit ~= number else {
                    throw .invalidArgument("'limit' must be a number from 1 to \(limit)")
                }
                page.limit = number
            case "cursor":
                guard let value, !value.isEmpty else {
                    throw .invalidArgument("'cursor' must be the 'next' of the page before, percent-encoded")
                }
                page.cursor = value
            default:
                throw .invalidArgument("unknown parameter '\(parts[0].prefix(64))'; known are 'limit', 'cursor'")
            }
        }
        return page
    }
}
