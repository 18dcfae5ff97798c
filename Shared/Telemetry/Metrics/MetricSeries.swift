import CoreMetrics
import Synchronization

/// One time series, or the several that make one histogram.
protocol MetricSeries: AnyObject, Sendable {
    /// Appends its sample lines.
    func write(name: String, labels: LabelSet, to text: inout String)
}

/// Counts up and stops at `Int64.max`, as swift-metrics asks.
final class CounterSeries: MetricSeries, CounterHandler {
    private let value = Mutex<Int64>(0)

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.withLock { value in
            let (sum, overflow) = value.addingReportingOverflow(amount)
            value = overflow ? .max : sum
        }
    }

    func reset() { value.withLock { $0 = 0 } }

    func write(name: String, labels: LabelSet, to text: inout String) {
        text += "\(name)\(labels.text) \(value.withLock { $0 })\n"
    }
}

/// The last value set.
final class GaugeSeries: MetricSeries, MeterHandler, RecorderHandler {
    private let value = Mutex<Double>(0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func write(name: String, labels: LabelSet, to text: inout String) {
        text += "\(name)\(labels.text) \(MetricText.number(value.withLock { $0 }))\n"
    }
}
