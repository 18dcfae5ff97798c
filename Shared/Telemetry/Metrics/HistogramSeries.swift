import CoreMetrics
import Synchronization

/// Counts observations in fixed buckets.
final class HistogramSeries: MetricSeries, TimerHandler, RecorderHandler {
    /// From one millisecond to the longest run: what Parity waits for.
    static let seconds: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800,
    ]
    /// For batch sizes, bytes and the like.
    static let sizes: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000, 1_000_000, 10_000_000]

    private struct Counts {
        /// One more than bounds: the last is for what lies above all of them.
        var buckets: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard !value.isNaN else { return }
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        counts.withLock { counts in
            counts.buckets[index] += 1
            counts.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func write(name: String, labels: LabelSet, to text: inout String) {
        let counts = counts.withLock { $0 }
        var cumulative: UInt64 = 0
        for (index, count) in counts.buckets.enumerated() {
            cumulative += count
            let bound = index < bounds.count ? MetricText.number(bounds[index]) : "+Inf"
            text += "\(name)_bucket\(labels.text(adding: ("le", bound))) \(cumulative)\n"
        }
        text += "\(name)_sum\(labels.text) \(MetricText.number(counts.sum))\n"
        text += "\(name)_count\(labels.text) \(cumulative)\n"
    }
}
