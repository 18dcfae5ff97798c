import Foundation

/// Two rates for the same work, measured by turns so that neither has the quieter machine.
struct Comparison {
    static let rounds = 5

    var name: String
    var other: String
    var otherRate: Double
    var parityRate: Double

    /// What a command line's first argument asks for: only work whose name contains it.
    static let filter = CommandLine.arguments.dropFirst().first ?? ""

    /// Work per second: the median of each side. Nil when the filter leaves it out.
    static func measure(
        _ name: String, beside other: String, theirs: () async throws -> Double, ours: () async throws -> Double
    ) async throws -> Comparison? {
        guard filter.isEmpty || name.contains(filter) else { return nil }
        var (theirRates, ourRates): ([Double], [Double]) = ([], [])
        for round in 0..<rounds {
            // Who goes first changes, so that what one leaves behind does not favour the same side always.
            if round.isMultiple(of: 2) {
                theirRates.append(try await theirs())
                ourRates.append(try await ours())
            } else {
                ourRates.append(try await ours())
                theirRates.append(try await theirs())
            }
        }
        return Comparison(
            name: name, other: other, otherRate: theirRates.sorted()[rounds / 2],
            parityRate: ourRates.sorted()[rounds / 2])
    }

    static var heading: String { row("work", "beside", "its rate", "Parity's", "ratio") }

    var line: String {
        Self.row(
            name, other, String(format: "%.0f/s", otherRate), String(format: "%.0f/s", parityRate),
            String(format: "%.2f", parityRate / otherRate))
    }

    private static func row(_ name: String, _ other: String, _ theirs: String, _ ours: String, _ ratio: String)
        -> String
    {
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(1, width - text.count)) + text
        }
        return name.padding(toLength: 48, withPad: " ", startingAt: 0)
            + other.padding(toLength: 20, withPad: " ", startingAt: 0)
            + right(theirs, 10) + right(ours, 10) + right(ratio, 7)
    }
}

/// What a benchmark cannot go on without.
struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
