/// The rules of a `.dockerignore` file, as Docker reads them: the last rule that matches a path, or a folder above it,
/// decides.
struct DockerIgnore: Sendable {
    private struct Rule: Sendable {
        let pattern: [Token]
        let isException: Bool
    }

    private enum Token: Sendable {
        case literal(Character)
        /// Any one character but `/`.
        case any
        /// Any number of characters but `/`.
        case star
        /// `**` at the end: anything.
        case rest
        /// `**` or `**/` elsewhere: nothing, or anything that ends with `/`.
        case folders
        case set([ClosedRange<Character>], isNegated: Bool)
    }

    private let rules: [Rule]

    /// Reads a file's text. Throws ``CommandFailure`` for a rule that Docker refuses.
    init(_ text: String, name: String = ".dockerignore") throws {
        rules = try text.split(whereSeparator: \.isNewline).compactMap { try Self.rule($0, name) }
    }

    /// Whether a path, relative to the context, stays out of it.
    func excludes(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        var isExcluded = false
        for rule in rules where rule.isException == isExcluded {
            let matches = parts.indices.contains { end in
                Self.matches(rule.pattern, Array(parts[...end].joined(separator: "/")))
            }
            if matches { isExcluded = !rule.isException }
        }
        return isExcluded
    }

    /// Whether something below an excluded folder may still belong to the context.
    var hasExceptions: Bool { rules.contains(where: \.isException) }

    // MARK: - Reading

    private static func rule(_ line: Substring, _ name: String) throws -> Rule? {
        guard !line.hasPrefix("#") else { return nil }
        var text = trimmed(line.first == "\u{FEFF}" ? line.dropFirst() : line)
        let isException = text.hasPrefix("!")
        if isException { text = trimmed(text.dropFirst()) }
        if text.isEmpty {
            guard !isException else { throw CommandFailure(.refused, "\(name): a line is only !") }
            return nil
        }
        let clean = cleaned(text)
        if clean.isEmpty { return nil }
        return Rule(pattern: try tokens(clean, name), isException: isException)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// Without `.`, `..`, doubled and outer slashes.
    private static func cleaned(_ text: Substring) -> String {
        var parts: [Substring] = []
        for part in text.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }

    private static func tokens(_ pattern: String, _ name: String) throws -> [Token] {
        var tokens: [Token] = []
        var rest = pattern[...]
        while let character = rest.popFirst() {
            switch character {
            case "*" where rest.first == "*":
                while rest.first == "*" { rest.removeFirst() }
                if rest.first == "/" { rest.removeFirst() }
                tokens.append(rest.isEmpty ? .rest : .folders)
            case "*": tokens.append(.star)
            case "?": tokens.append(.any)
            case "\\":
                guard let next = rest.popFirst() else {
                    throw CommandFailure(.refused, "\(name): \(pattern) ends with a backslash")
                }
                tokens.append(.literal(next))
            case "[":
                guard let set = set(&rest) else {
                    throw CommandFailure(.refused, "\(name): \(pattern) has a [ without its ]")
                }
                tokens.append(set)
            default: tokens.append(.literal(character))
            }
        }
        return tokens
    }

    private static func set(_ rest: inout Substring) -> Token? {
        let isNegated = rest.first == "^"
        if isNegated { rest.removeFirst() }
        var ranges: [ClosedRange<Character>] = []
        while let low = rest.popFirst() {
            if low == "]" { return ranges.isEmpty ? nil : .set(ranges, isNegated: isNegated) }
            guard let first = low == "\\" ? rest.popFirst() : low else { return nil }
            var last = first
            if rest.first == "-", let high = rest.dropFirst().first, high != "]" {
                rest = rest.dropFirst(2)
                last = high
            }
            guard first <= last else { return nil }
            ranges.append(first...last)
        }
        return nil
    }

    // MARK: - Matching

    /// Whether the whole text fits the whole pattern, in time proportional to their product: which positions of the text
    /// the tokens so far can end at.
    private static func matches(_ pattern: [Token], _ text: [Character]) -> Bool {
        var ends = [Bool](repeating: false, count: text.count + 1)
        ends[0] = true
        for token in pattern {
            var next = [Bool](repeating: false, count: text.count + 1)
            switch token {
            case .rest: return ends.contains(true)
            case .folders:
                // Nothing, or anything that ends with a slash.
                var isOpen = false
                for position in ends.indices {
                    next[position] = ends[position] || (isOpen && position > 0 && text[position - 1] == "/")
                    isOpen = isOpen || ends[position]
                }
            case .star:
                var isOpen = false
                for position in ends.indices {
                    isOpen = ends[position] || (isOpen && text[position - 1] != "/")
                    next[position] = isOpen
                }
            case .any: advance(ends, into: &next, text) { $0 != "/" }
            case .literal(let character): advance(ends, into: &next, text) { $0 == character }
            case .set(let ranges, let isNegated):
                advance(ends, into: &next, text) { character in
                    ranges.contains { $0.contains(character) } != isNegated
                }
            }
            ends = next
        }
        return ends[text.count]
    }

    private static func advance(
        _ ends: [Bool], into next: inout [Bool], _ text: [Character], _ fits: (Character) -> Bool
    ) {
        for position in text.indices where ends[position] && fits(text[position]) { next[position + 1] = true }
    }
}
