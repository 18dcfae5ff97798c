/// The labels of one series: sanitised names, each once, sorted.
struct LabelSet: Hashable, Sendable, Comparable {
    /// A longer value is cut, as it can only be a mistake.
    static let maximumValueCharacters = 256

    private let names: [String]
    private let values: [String]

    init(_ dimensions: [(String, String)], kind: MetricKind) {
        var pairs: [String: String] = [:]
        for (name, value) in dimensions {
            var name = MetricName.label(name)
            // `le` belongs to the buckets of a histogram.
            if kind == .histogram, name == "le" { name = "le_" }
            pairs[name] = String(value.prefix(Self.maximumValueCharacters))
        }
        let sorted = pairs.sorted { $0.key < $1.key }
        names = sorted.map(\.key)
        values = sorted.map(\.value)
    }

    private init(names: [String], values: [String]) {
        self.names = names
        self.values = values
    }

    /// The same names, all values `other`: where a metric has more label sets than it may keep.
    var folded: LabelSet { LabelSet(names: names, values: names.map { _ in "other" }) }

    /// `{a="x",b="y"}`, or nothing.
    var text: String { render(zip(names, values).map { ($0, $1) }) }

    func text(adding label: (String, String)) -> String { render(zip(names, values).map { ($0, $1) } + [label]) }

    private func render(_ pairs: [(String, String)]) -> String {
        guard !pairs.isEmpty else { return "" }
        return "{" + pairs.map { "\($0.0)=\"\(MetricText.labelValue($0.1))\"" }.joined(separator: ",") + "}"
    }

    static func < (left: LabelSet, right: LabelSet) -> Bool { left.text < right.text }
}
