import Hummingbird
import Metrics

/// The API's metrics, made once.
struct APIMetrics: Sendable {
    /// Requests answered, by the class of their status: index 0 is 1xx.
    private let requests = (1...5).map {
        Counter(label: "freeim_api_requests_total", dimensions: [("status", "\($0)xx")])
    }

    func count(_ status: HTTPResponse.Status) {
        let index = status.code / 100 - 1
        if requests.indices.contains(index) { requests[index].increment() }
    }
}
