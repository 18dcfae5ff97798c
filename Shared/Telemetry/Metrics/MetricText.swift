/// Escapes and numbers of the Prometheus text format 0.0.4.
enum MetricText {
    static func labelValue(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\n", with: "\\n").replacing("\"", with: "\\\"")
    }

    static func help(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    /// Whole numbers without a fraction, infinities and NaN as Prometheus spells them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return String(value)
    }
}

/// Names that Prometheus accepts.
enum MetricName {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; anything else becomes `_`.
    static func metric(_ label: String) -> String { sanitise(label, allowingColon: true) }

    /// As ``metric(_:)``; a counter's name ends in `_total`.
    static func metric(_ label: String, kind: MetricKind) -> String {
        let name = metric(label)
        return kind == .counter && !name.hasSuffix("_total") ? name + "_total" : name
    }

    /// `[a-zA-Z_][a-zA-Z0-9_]*`, not starting with the two underscores that Prometheus keeps for itself.
    static func label(_ name: String) -> String {
        let clean = sanitise(name, allowingColon: false)
        return clean.hasPrefix("__") ? "label" + clean : clean
    }

    private static func sanitise(_ text: String, allowingColon: Bool) -> String {
        var result = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": result.unicodeScalars.append(scalar)
            case "0"..."9":
                if index == 0 { result += "_" }
                result.unicodeScalars.append(scalar)
            case ":": result += allowingColon ? ":" : "_"
            default: result += "_"
            }
        }
        return result.isEmpty ? "_" : result
    }
}
