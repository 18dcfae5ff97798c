/// Reads an expression into a tree, by recursive descent of bounded depth.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0
    /// Deeper groups are refused: no reader follows them, and recursion must end.
    private static let maximumDepth = 50
    private static let maximumRepetition = 1000

    init(_ source: String) { scalars = Array(source.unicodeScalars) }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard current == nil else { throw fault("a ) without its (") }
        return node
    }

    private var current: Unicode.Scalar? { position < scalars.count ? scalars[position] : nil }

    private func fault(_ message: String) -> PatternError { PatternError(offset: position, message: message) }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard current == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var nodes: [PatternNode] = []
        while let scalar = current, scalar != "|", scalar != ")" { nodes.append(try repeated(try atom())) }
        return .sequence(nodes)
    }

    private mutating func repeated(_ node: PatternNode) throws(PatternError) -> PatternNode {
        let start = position
        guard let (minimum, maximum) = try repetition() else { return node }
        // Whether as much or as little as possible is taken changes where a match ends, not whether there is one.
        _ = take("?")
        if let scalar = current, "*+?{".unicodeScalars.contains(scalar) {
            throw fault("a repetition of a repetition needs a group")
        }
        if case .assertion = node { throw PatternError(offset: start, message: "there is nothing to repeat here") }
        return .repetition(node, minimum: minimum, maximum: maximum)
    }

    private mutating func repetition() throws(PatternError) -> (minimum: Int, maximum: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        guard take("{") else { return nil }
        guard let minimum = number() else {
            throw fault("{ begins a count: {n}, {n,} or {n,m}; write \\{ for the sign")
        }
        var maximum: Int? = minimum
        if take(",") { maximum = current == "}" ? nil : number() ?? -1 }
        guard take("}"), (0...Self.maximumRepetition).contains(max(minimum, maximum ?? minimum)),
            maximum.map({ $0 >= minimum }) ?? true
        else { throw fault("a count is {n}, {n,} or {n,m}, ascending, at most \(Self.maximumRepetition)") }
        return (minimum, maximum)
    }

    /// Digits, as a number that is at most a little above any limit here.
    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = current, ScalarSet.digit.contains(scalar) {
            value = min((value ?? 0) * 10 + Int(scalar.value - 48), 1_000_000)
            position += 1
        }
        return value
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        guard let scalar = current else { throw fault("the expression ends early") }
        switch scalar {
        case "(": return try group()
        case "[": return .character(try characterClass())
        case "\\": return try escape()
        case "*", "+", "?", "{": throw fault("there is nothing to repeat here")
        default:
            position += 1
            return switch scalar {
            case ".": .character(.anyButNewline)
            case "^": .assertion(.lineStart)
            case "$": .assertion(.lineEnd)
            default: .character(ScalarSet(scalar))
            }
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        position += 1
        depth += 1
        guard depth <= Self.maximumDepth else { throw fault("groups are nested deeper than \(Self.maximumDepth)") }
        if take("?"), !take(":") { throw fault("of the groups that begin with (? only (?: is understood") }
        let node = try alternatives()
        guard take(")") else { throw fault("a ( without its )") }
        depth -= 1
        return node
    }

    private mutating func escape() throws(PatternError) -> PatternNode {
        position += 1
        switch current {
        case "A": return assertion(.textStart)
        case "z": return assertion(.textEnd)
        case "b": return assertion(.wordBoundary)
        case "B": return assertion(.noWordBoundary)
        default: return .character(try escapedSet())
        }
    }

    private mutating func assertion(_ assertion: PatternAssertion) -> PatternNode {
        position += 1
        return .assertion(assertion)
    }

    /// After a `\`: a set by its letter, a control character, a number, or punctuation.
    private mutating func escapedSet() throws(PatternError) -> ScalarSet {
        guard let scalar = current else { throw fault("the expression ends after \\") }
        position += 1
        switch scalar {
        case "d": return .digit
        case "D": return ScalarSet.digit.inverted
        case "w": return .word
        case "W": return ScalarSet.word.inverted
        case "s": return .space
        case "S": return ScalarSet.space.inverted
        case "n": return ScalarSet("\n")
        case "t": return ScalarSet("\t")
        case "r": return ScalarSet("\r")
        case "f": return ScalarSet("\u{0C}")
        case "v": return ScalarSet("\u{0B}")
        case "x": return ScalarSet(try hexadecimal())
        default:
            guard scalar.isASCII, !ScalarSet.word.contains(scalar), scalar.value > 32 else {
                position -= 1
                throw fault("\\\(scalar) is not understood")
            }
            return ScalarSet(scalar)
        }
    }

    private mutating func hexadecimal() throws(PatternError) -> Unicode.Scalar {
        let isBraced = take("{")
        var value: UInt32 = 0
        var digits = 0
        while digits < (isBraced ? 6 : 2), let digit = current.flatMap({ Character($0).hexDigitValue }) {
            value = value << 4 | UInt32(digit)
            digits += 1
            position += 1
        }
        guard digits > 0, isBraced ? take("}") : digits == 2, let scalar = Unicode.Scalar(value) else {
            throw fault("a character's number is \\xHH or \\x{H…}")
        }
        return scalar
    }

    private mutating func characterClass() throws(PatternError) -> ScalarSet {
        position += 1
        let isNegated = take("^")
        var items: [ScalarSet] = []
        var isFirst = true
        while true {
            guard let scalar = current else { throw fault("a [ without its ]") }
            // Right after [ or [^ a ] is itself.
            if scalar == "]", !isFirst { break }
            isFirst = false
            items.append(try classItem())
        }
        position += 1
        let set = ScalarSet.union(items)
        return isNegated ? set.inverted : set
    }

    private mutating func classItem() throws(PatternError) -> ScalarSet {
        if current == "[", position + 1 < scalars.count, scalars[position + 1] == ":" {
            throw fault("classes such as [:alpha:] are not understood")
        }
        let low = try classCharacter()
        guard current == "-", position + 1 < scalars.count, scalars[position + 1] != "]" else { return low }
        position += 1
        let high = try classCharacter()
        guard let first = low.single, let last = high.single, first <= last else {
            throw fault("a range goes from one character up to another")
        }
        return ScalarSet([first...last])
    }

    private mutating func classCharacter() throws(PatternError) -> ScalarSet {
        if take("\\") { return try escapedSet() }
        guard let scalar = current else { throw fault("a [ without its ]") }
        position += 1
        return ScalarSet(scalar)
    }
}
