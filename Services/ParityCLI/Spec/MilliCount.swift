/// Thousandths written as decimals, without floats: CPUs.
enum MilliCount {
    /// `1`, `0.5`, `1.25`: at most three decimals; nil for anything else.
    static func parse(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            !parts[0].isEmpty, parts[0].utf8.count <= 6, let whole = Int64(parts[0])
        else { return nil }
        guard parts.count == 2 else { return whole * 1000 }
        guard (1...3).contains(parts[1].utf8.count),
            let fraction = Int64(parts[1] + String(repeating: "0", count: 3 - parts[1].utf8.count))
        else { return nil }
        return whole * 1000 + fraction
    }
}
