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
    /// Ascending, with a gap between each two.
    private let ranges: [ClosedRange<UInt32>]
    /// Bit n says whether the ASCII character n is in it.
    private let ascii: (low: UInt64, high: UInt64)
    /// The number of its only character, where it was written as one.
    let single: UInt32?

    private init(normal ranges: [ClosedRange<UInt32>], single: UInt32? = nil) {
        self.ranges = ranges
        self.single = single
        var bits: (low: UInt64, high: UInt64) = (0, 0)
        for range in ranges where range.lowerBound < 128 {
            for number in range.lowerBound...min(range.upperBound, 127) {
                if number < 64 { bits.low |= 1 << UInt64(number) } else { bits.high |= 1 << UInt64(number - 64) }
            }
        }
        ascii = bits
    }

    init(_ ranges: [ClosedRange<UInt32>]) {
        var normal: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = normal.last, range.lowerBound <= last.upperBound + 1 {
                normal[normal.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                normal.append(range)
            }
        }
        self.init(normal: normal)
    }

    init(_ scalar: Unicode.Scalar) { self.init(normal: [scalar.value...scalar.value], single: scalar.value) }

    static let digit = ScalarSet([48...57])
    static let word = ScalarSet([48...57, 65...90, 95...95, 97...122])
    /// As in RE2: no vertical tab.
    static let space = ScalarSet([9...10, 12...13, 32...32])
    static let anyButNewline = ScalarSet([10...10]).inverted

    var inverted: ScalarSet {
        var gaps: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { gaps.append(next...(range.lowerBound - 1)) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { gaps.append(next...0x10FFFF) }
        return ScalarSet(normal: gaps)
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let number = scalar.value
        if number < 64 { return ascii.low & 1 << UInt64(number) != 0 }
        if number < 128 { return ascii.high & 1 << UInt64(number - 64) != 0 }
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(number)
    }

    /// The characters of all sets.
    static func union(_ sets: [ScalarSet]) -> ScalarSet { ScalarSet(sets.flatMap(\.ranges)) }
}
