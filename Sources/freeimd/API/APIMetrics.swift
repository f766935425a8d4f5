import Hummingbird
import Metrics

/// The API's metrics, made once.
struct APIMetrics: Sendable {
    /// Requests answered, by the class of their status: index 0 is 1xx.
    private let requests = (1...5).map {
        Counter(label: "freeim_api_requests_total", dimensions: [("status", "\($0)xx")])
    }

    /// Times that an address was refused something.
    let limited = Dictionary(
        uniqueKeysWithValues: Limit.allCases.map {
            ($0, Counter(label: "freeim_api_limited_total", dimensions: [("limit", $0.rawValue)]))
        })

    /// The names are those of the keys.
    enum Limit: String, CaseIterable {
        case connectionsPerAddress = "connections_per_address"
        case denialsPerAddress = "denials_per_address"
    }

    func count(_ status: HTTPResponse.Status) {
        let index = status.code / 100 - 1
        if requests.indices.contains(index) { requests[index].increment() }
    }
}
