import CoreMetrics
import FreeIMAPI
import Testing

@Suite struct PrometheusTests {
    @Test("Counters, gauges and summaries are told in Prometheus' text format, families in order")
    func text() {
        let registry = PrometheusRegistry()
        Counter(label: "b_total", dimensions: [("code", "1001")], factory: registry).increment(by: 2)
        Counter(label: "b_total", dimensions: [("code", "a\"\\\n")], factory: registry).increment()
        Gauge(label: "a-gauge", factory: registry).record(1.5)
        let timer = CoreMetrics.Timer(label: "c_seconds", factory: registry)
        timer.recordMilliseconds(250)
        timer.recordMilliseconds(750)
        #expect(
            registry.text() == """
                # TYPE a_gauge gauge
                a_gauge 1.5
                # TYPE b_total counter
                b_total{code="1001"} 2
                b_total{code="a\\"\\\\\\n"} 1
                # TYPE c_seconds summary
                c_seconds_sum 1.0
                c_seconds_count 2

                """)
    }

    @Test("The same label and dimensions are one series")
    func same() {
        let registry = PrometheusRegistry()
        for _ in 0..<3 { Counter(label: "n_total", factory: registry).increment() }
        #expect(registry.text() == "# TYPE n_total counter\nn_total 3\n")
    }

    @Test("Beyond the limit new series are not kept, and known ones go on")
    func limit() {
        let registry = PrometheusRegistry(limit: 1)
        let first = Counter(label: "first_total", factory: registry)
        Counter(label: "second_total", factory: registry).increment()
        first.increment()
        #expect(registry.text() == "# TYPE first_total counter\nfirst_total 1\n")
    }
}
