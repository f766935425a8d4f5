import CoreMetrics
import Hummingbird
import NIOCore

/// `GET /metrics`, for Prometheus and what reads its format.
struct MetricsRoute: Sendable {
    func add(to group: RouterGroup<APIContext>) {
        group.get { _, _ -> Response in
            guard let registry = MetricsSystem.factory as? PrometheusRegistry else {
                throw APIFault(
                    status: .notImplemented, code: "not_supported",
                    message: "this program keeps its metrics elsewhere; bootstrap swift-metrics with PrometheusRegistry"
                )
            }
            let body = ByteBuffer(string: registry.text())
            return Response(
                status: .ok,
                headers: [
                    .contentType: PrometheusText.contentType, .contentLength: String(body.readableBytes),
                    .cacheControl: "no-store",
                ], body: ResponseBody(byteBuffer: body))
        }
    }
}
