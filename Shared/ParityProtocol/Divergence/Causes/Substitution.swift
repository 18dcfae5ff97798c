/// A word of one run's output and the word that stands in its place in the other's.
struct Substitution: Sendable, Equatable {
    let left: String
    let right: String
    /// Words around it, in lower case: of both lines, of the path, of the first line.
    let words: Set<String>

    /// The words in which two lines differ. Lines with unequal numbers of words give the stretch where they differ as
    /// one word.
    static func between(_ left: String, _ right: String, words: Set<String>) -> [Substitution] {
        let (one, other) = (TextWords.tokens(in: left), TextWords.tokens(in: right))
        let words = words.union(TextWords.words(in: left)).union(TextWords.words(in: right))
        guard one.count == other.count else { return [stretch(one, other, words)].compactMap { $0 } }
        return one.indices.compactMap { index in
            guard one[index] != other[index] else { return nil }
            return Substitution(left: one[index], right: other[index], words: words)
        }
    }

    private static func stretch(_ left: [String], _ right: [String], _ words: Set<String>) -> Substitution? {
        let start = zip(left, right).prefix { $0 == $1 }.count
        let most = min(left.count, right.count) - start
        let end = min(most, zip(left.reversed(), right.reversed()).prefix { $0 == $1 }.count)
        let (one, other) = (left[start..<left.count - end], right[start..<right.count - end])
        guard one.count + other.count > 0 else { return nil }
        return Substitution(
            left: one.joined(separator: " "), right: other.joined(separator: " "), words: words)
    }

    /// The parts that differ, widened to whole runs of letters and digits: `job-12.log` and `job-34.log` give 12 and 34.
    var cores: (left: String, right: String) {
        let (one, other) = (Array(left.utf8), Array(right.utf8))
        var start = zip(one, other).prefix { $0 == $1 }.count
        while start > 0, TextWords.isWordByte(one[start - 1]) { start -= 1 }
        let most = min(one.count, other.count) - start
        var end = min(most, zip(one.reversed(), other.reversed()).prefix { $0 == $1 }.count)
        while end > 0, TextWords.isWordByte(one[one.count - end]) { end -= 1 }
        return (
            String(decoding: one[start..<one.count - end], as: UTF8.self),
            String(decoding: other[start..<other.count - end], as: UTF8.self)
        )
    }

    /// For people.
    var text: String {
        let (one, other) = (VisibleText.escape(left.utf8, limit: 60), VisibleText.escape(right.utf8, limit: 60))
        return "\"\(one)\" in one, \"\(other)\" in the other"
    }

    func mentions(_ any: Set<String>) -> Bool { !words.isDisjoint(with: any) }
}

/// How text falls into words, and what words look like.
enum TextWords {
    /// Longer lines are not taken apart.
    static let maximumTokens = 400

    private static let separators = Set(" \t\r\"'`,;()[]{}<>|=".utf8)

    /// The words of a line: what stands between blanks, quotes, brackets, commas and equals signs.
    static func tokens(in line: String) -> [String] {
        line.utf8.split(maxSplits: maximumTokens * 4, whereSeparator: separators.contains).prefix(maximumTokens).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Runs of at least two letters, in lower case; `MemTotal` gives `memtotal`, `mem` and `total`.
    static func words(in line: String) -> Set<String> {
        var words: Set<String> = []
        for run in line.utf8.prefix(4096).split(whereSeparator: { !isLetter($0) }) where run.count > 1 {
            let text = String(decoding: run, as: UTF8.self)
            words.insert(text.lowercased())
            for part in humps(of: text) { words.insert(part) }
        }
        return words
    }

    private static func humps(of text: String) -> [String] {
        var parts: [String] = [""]
        for character in text {
            if character.isUppercase, parts.last?.last?.isLowercase == true { parts.append("") }
            parts[parts.count - 1].append(character)
        }
        return parts.count > 1 ? parts.map { $0.lowercased() }.filter { $0.count > 1 } : []
    }

    static func isCapital(_ byte: UInt8) -> Bool { (65...90).contains(byte) }
    static func isLetter(_ byte: UInt8) -> Bool { isCapital(byte) || (97...122).contains(byte) }
    static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
    static func isWordByte(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") }
    static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (65...70).contains(byte) || (97...102).contains(byte) }

    /// `text` with each digit written 9: two times of day have one shape.
    static func shape(of text: String) -> String {
        String(decoding: text.utf8.map { isDigit($0) ? UInt8(ascii: "9") : $0 }, as: UTF8.self)
    }

    static func isInteger(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isDigit) }

    /// A number with a fraction or an exponent, or without.
    static func number(_ text: String) -> Double? {
        guard let first = text.utf8.first, isDigit(first) || first == UInt8(ascii: "-") || first == UInt8(ascii: "."),
            text.utf8.allSatisfy({ isDigit($0) || ".-+eE".utf8.contains($0) })
        else { return nil }
        return Double(text)
    }
}
