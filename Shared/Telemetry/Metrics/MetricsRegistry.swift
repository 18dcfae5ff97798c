import Synchronization

/// All metrics of a process in memory, and their Prometheus text.
///
/// It is a swift-metrics factory: the same label and dimensions always name the same series. Bounded: a metric
/// keeps at most `maximumSeriesPerMetric` label sets and folds what comes after into one series whose label values
/// are all `other`; a registry keeps at most ``maximumMetrics`` metrics and drops what comes after.
package final class MetricsRegistry: Sendable {
    static let maximumMetrics = 1000

    let maximumSeriesPerMetric: Int
    private let state = Mutex(State())

    private struct State {
        var families: [String: Family] = [:]
        var help: [String: String] = [:]
    }

    private struct Family {
        let kind: MetricKind
        var series: [LabelSet: any MetricSeries] = [:]
    }

    package init(maximumSeriesPerMetric: Int = 200) {
        self.maximumSeriesPerMetric = maximumSeriesPerMetric
    }

    /// Says in a sentence what the metric `label` counts, for the `# HELP` line.
    package func describe(_ label: String, _ help: String) {
        let name = MetricName.metric(label)
        state.withLock { $0.help[name] = help }
    }

    /// The series of this name and these labels, made by `make` when there is none yet. A series that cannot be kept
    /// still works; it only does not appear in the exposition.
    func series<Series: MetricSeries>(
        _ label: String, _ kind: MetricKind, _ dimensions: [(String, String)], make: () -> Series
    ) -> Series {
        let labels = LabelSet(dimensions, kind: kind)
        return state.withLock { state in
            var name = MetricName.metric(label, kind: kind)
            if let taken = state.families[name], taken.kind != kind { name += "_\(kind.rawValue)" }
            guard state.families[name] != nil || state.families.count < Self.maximumMetrics else { return make() }
            var family = state.families[name] ?? Family(kind: kind)
            let isFull = family.series.count >= maximumSeriesPerMetric
            let key = family.series[labels] == nil && isFull ? labels.folded : labels
            if let known = family.series[key] as? Series { return known }
            let new = make()
            family.series[key] = new
            state.families[name] = family
            return new
        }
    }

    /// Forgets a series; writing to it afterwards has no effect on the exposition.
    func remove(_ series: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                var kept = family
                kept.series = family.series.filter { $0.value !== series }
                state.families[name] = kept
            }
        }
    }

    /// All metrics in the Prometheus text format 0.0.4, sorted by name and labels.
    package func exposition() -> String {
        let (families, help) = state.withLock { ($0.families, $0.help) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            text += "# HELP \(name) \(MetricText.help(help[name] ?? "\(name)."))\n"
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name: name, labels: labels, to: &text)
            }
        }
        return text + ProcessMetrics.exposition()
    }
}

enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}
