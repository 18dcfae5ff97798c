/// What an expression says, as a tree.
indirect enum PatternNode: Sendable {
    case character(ScalarSet)
    case assertion(PatternAssertion)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    /// `maximum` is nil without end.
    case repetition(PatternNode, minimum: Int, maximum: Int?)
}

/// What must hold between two characters.
enum PatternAssertion: Sendable {
    case lineStart, lineEnd, textStart, textEnd, wordBoundary, noWordBoundary

    func holds(between previous: Unicode.Scalar?, and next: Unicode.Scalar?) -> Bool {
        switch self {
        case .lineStart: previous == nil || previous == "\n"
        case .lineEnd: next == nil || next == "\n"
        case .textStart: previous == nil
        case .textEnd: next == nil
        case .wordBoundary: Self.isWord(previous) != Self.isWord(next)
        case .noWordBoundary: Self.isWord(previous) == Self.isWord(next)
        }
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool { scalar.map(ScalarSet.word.contains) ?? false }
}

/// A set of characters, as ranges of their numbers.
struct ScalarSet: Sendable {
    private(set) var ranges: [ClosedRange<UInt32>]
    private(set) var isNegated: Bool

    init(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false) {
        self.ranges = ranges
        self.isNegated = isNegated
    }

    init(_ scalar: Unicode.Scalar) { self.init([scalar.value...scalar.value]) }

    static let digit = ScalarSet([48...57])
    static let word = ScalarSet([48...57, 65...90, 95...95, 97...122])
    /// As in RE2: no vertical tab.
    static let space = ScalarSet([9...10, 12...13, 32...32])
    static let anyButNewline = ScalarSet([10...10], isNegated: true)

    var inverted: ScalarSet { ScalarSet(ranges, isNegated: !isNegated) }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        for range in ranges where range.contains(scalar.value) { return !isNegated }
        return isNegated
    }

    /// The characters of both sets; this one is not negated.
    func union(_ other: ScalarSet) -> ScalarSet { ScalarSet(ranges + other.positiveRanges) }

    /// The same set without negation.
    private var positiveRanges: [ClosedRange<UInt32>] {
        guard isNegated else { return ranges }
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return gaps
    }
}
