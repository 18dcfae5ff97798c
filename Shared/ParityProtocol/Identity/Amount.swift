/// Money: a whole number of the smallest unit, 10^-6 of a token. Never a float, never negative.
package struct Amount: Sendable, Hashable, Comparable {
    /// Units of 10^-6 token.
    package let units: Int64

    /// The largest amount that exact JSON numbers can carry (2^53 - 1 units).
    package static let maximumUnits: Int64 = (1 << 53) - 1
    package static let unitsPerToken: Int64 = 1_000_000
    package static let zero = Amount(verified: 0)

    /// The amount of `units`; nil when negative or above `maximumUnits`.
    package init?(units: Int64) {
        guard (0...Self.maximumUnits).contains(units) else { return nil }
        self.units = units
    }

    private init(verified units: Int64) { self.units = units }

    /// The amount that a decimal such as `1.5` or `0.000001` spells, exactly; nil when it has more than six
    /// decimals, a sign, or anything else.
    package init?(decimal text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            !parts[0].isEmpty, parts[0].utf8.count <= 10, let whole = Int64(parts[0])
        else { return nil }
        var fraction: Int64 = 0
        if parts.count == 2 {
            guard (1...6).contains(parts[1].utf8.count),
                let value = Int64(parts[1] + String(repeating: "0", count: 6 - parts[1].utf8.count))
            else { return nil }
            fraction = value
        }
        self.init(units: whole * Self.unitsPerToken + fraction)
    }

    /// The shortest exact decimal, such as `1.5`.
    package var decimal: String {
        let whole = units / Self.unitsPerToken
        let fraction = String(units % Self.unitsPerToken)
        let padded = String(repeating: "0", count: 6 - fraction.count) + fraction
        let digits = padded.reversed().drop { $0 == "0" }.reversed()
        return digits.isEmpty ? "\(whole)" : "\(whole).\(String(digits))"
    }

    package static func < (left: Amount, right: Amount) -> Bool { left.units < right.units }
}

extension Amount: Codable {
    package init(from decoder: any Decoder) throws {
        let units = try decoder.singleValueContainer().decode(Int64.self)
        guard let amount = Amount(units: units) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "an amount is 0 to \(Self.maximumUnits) units"))
        }
        self = amount
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(units)
    }
}
