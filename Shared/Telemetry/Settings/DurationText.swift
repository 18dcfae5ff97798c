/// Durations as settings spell them: a whole number and a unit.
package enum DurationText {
    private static let milliseconds: [(unit: String, count: Int64)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]

    /// The duration that `text` spells; nil otherwise. A bare number is seconds.
    package static func parse(_ text: String) -> Duration? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let number = Int64(digits),
            let count = unit.isEmpty ? 1000 : milliseconds.first(where: { $0.unit == unit })?.count
        else { return nil }
        let (total, overflow) = number.multipliedReportingOverflow(by: count)
        return overflow ? nil : .milliseconds(total)
    }

    /// The shortest text that ``parse(_:)`` reads back, to the millisecond.
    package static func text(_ duration: Duration) -> String {
        let total = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        let fitting = milliseconds.last { total != 0 && total % $0.count == 0 }
        guard let fitting else { return "0s" }
        return "\(total / fitting.count)\(fitting.unit)"
    }
}
