import CoreMetrics
import Metrics
import Testing

@testable import Telemetry

@Suite struct MetricsRegistryTests {
    let registry = MetricsRegistry(maximumSeriesPerMetric: 3)

    /// The exposition's lines about the metrics whose name starts with `prefix`.
    private func lines(_ prefix: String) -> [String] {
        registry.exposition().split(separator: "\n").map(String.init).filter {
            $0.hasPrefix(prefix) || $0.hasPrefix("# HELP \(prefix)") || $0.hasPrefix("# TYPE \(prefix)")
        }
    }

    private func samples(_ prefix: String) -> [String] { lines(prefix).filter { !$0.hasPrefix("#") } }

    @Test func `a counter is exposed with help, type and escaped labels`() {
        registry.describe("parity_tasks_total", "Tasks\\ with a line\nfeed.")
        Counter(label: "parity_tasks_total", dimensions: [("class", "a\"b\\c\nd")], factory: registry).increment(by: 2)
        #expect(
            lines("parity_tasks_total") == [
                "# HELP parity_tasks_total Tasks\\\\ with a line\\nfeed.",
                "# TYPE parity_tasks_total counter",
                "parity_tasks_total{class=\"a\\\"b\\\\c\\nd\"} 2",
            ])
    }

    @Test func `the same label and dimensions are the same series in any order`() {
        let first = Counter(label: "c_total", dimensions: [("a", "1"), ("b", "2")], factory: registry)
        let second = Counter(label: "c_total", dimensions: [("b", "2"), ("a", "1")], factory: registry)
        first.increment()
        second.increment()
        #expect(lines("c_total{") == ["c_total{a=\"1\",b=\"2\"} 2"])
    }

    @Test func `a counter stops at its largest value`() {
        let counter = Counter(label: "big_total", factory: registry)
        counter.increment(by: Int64.max)
        counter.increment(by: 5)
        #expect(samples("big_total ") == ["big_total \(Int64.max)"])
    }

    @Test func `a gauge shows its last value`() {
        let gauge = Gauge(label: "depth", factory: registry)
        gauge.record(3)
        gauge.record(1.5)
        let meter = Meter(label: "level", factory: registry)
        meter.set(Double.infinity)
        #expect(samples("depth ") == ["depth 1.5"])
        #expect(samples("level ") == ["level +Inf"])
    }

    @Test func `a timer is a histogram in seconds whose buckets add up`() {
        let timer = Timer(label: "claim", factory: registry)
        timer.recordMilliseconds(4)
        timer.recordSeconds(2)
        timer.recordSeconds(100_000)
        let exposed = lines("claim_seconds")
        #expect(exposed.contains("# TYPE claim_seconds histogram"))
        #expect(exposed.contains("claim_seconds_bucket{le=\"0.0025\"} 0"))
        #expect(exposed.contains("claim_seconds_bucket{le=\"0.005\"} 1"))
        #expect(exposed.contains("claim_seconds_bucket{le=\"2.5\"} 2"))
        #expect(exposed.contains("claim_seconds_bucket{le=\"+Inf\"} 3"))
        #expect(exposed.contains("claim_seconds_sum 100002.004"))
        #expect(exposed.contains("claim_seconds_count 3"))
    }

    @Test func `label sets beyond the bound are folded into one`() {
        for number in 0..<10 {
            Counter(label: "n_total", dimensions: [("id", "\(number)")], factory: registry).increment()
        }
        #expect(lines("n_total{").count == 4)
        #expect(lines("n_total{").contains("n_total{id=\"other\"} 7"))
    }

    @Test func `names are made fit for Prometheus`() {
        Counter(label: "1 bad-name", dimensions: [("9-x", "v"), ("__y", "w")], factory: registry).increment()
        #expect(lines("_1_bad_name_total{") == ["_1_bad_name_total{_9_x=\"v\",label__y=\"w\"} 1"])
    }

    @Test func `one name for two kinds keeps both apart`() {
        Gauge(label: "twice", factory: registry).record(1)
        Recorder(label: "twice", factory: registry).record(2)
        #expect(samples("twice ") == ["twice 1"])
        #expect(lines("twice_histogram_count") == ["twice_histogram_count 1"])
    }

    @Test func `a destroyed series disappears`() {
        let counter = Counter(label: "gone_total", factory: registry)
        counter.increment()
        counter.destroy()
        #expect(lines("gone_total").isEmpty)
    }

    @Test func `every line of the exposition has the shape of the format`() {
        Counter(label: "a_total", dimensions: [("x", "é\"\n")], factory: registry).increment()
        Timer(label: "b", factory: registry).recordSeconds(1)
        let text = registry.exposition()
        #expect(text.hasSuffix("\n"))
        let sample = /[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\["\\n])*",?)+\})? [^ ]+/
        let comment = /# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* .+/
        for line in text.split(separator: "\n") {
            #expect(line.wholeMatch(of: sample) != nil || line.wholeMatch(of: comment) != nil, "\(line)")
        }
        #expect(text.contains("process_open_fds "))
        #expect(text.contains("process_resident_memory_bytes "))
    }
}
