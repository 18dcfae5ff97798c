/// A regular expression over text that nobody has to trust: matching takes time proportional to the text, whatever the
/// expression, because it never goes back (Thompson 1968, as RE2 does it). So the expression can be a stranger's, and so
/// can the text.
///
/// The language is a part of RE2's, in its multi-line mode: literals, `.`, `[…]`, `\d \w \s \b` and their opposites (over
/// ASCII), groups, `|`, `* + ? {n} {n,} {n,m}`, `^` and `$` at the ends of lines, `\A` and `\z` at the ends of the text,
/// `\n \t \r \f \v \xHH \x{H…}`, and `\` before any punctuation. Nothing else is understood, so that a spec means the same
/// for ever.
package struct OutputPattern: Sendable {
    /// As it was written.
    package let source: String
    private let program: PatternProgram

    package static let maximumSourceBytes = 1000
    /// Longer texts match no pattern: with the bound on a program it bounds the time of one match to some seconds.
    package static let maximumTextBytes = 262_144

    /// Throws ``PatternError`` for what is not understood, too long, or means too many repetitions.
    package init(_ source: String) throws(PatternError) {
        guard source.utf8.count <= Self.maximumSourceBytes else {
            throw PatternError(offset: 0, message: "longer than \(Self.maximumSourceBytes) bytes")
        }
        var parser = PatternParser(source)
        self.source = source
        program = try PatternProgram(try parser.parse())
    }

    /// Whether the pattern occurs anywhere in `text`. What is not UTF-8, or too long, matches nothing.
    package func occurs(in text: [UInt8]) -> Bool {
        guard text.count <= Self.maximumTextBytes, let text = String(validating: text, as: UTF8.self) else {
            return false
        }
        return PatternMatcher(program).occurs(in: text.unicodeScalars)
    }
}

extension OutputPattern: Hashable {
    package static func == (left: OutputPattern, right: OutputPattern) -> Bool { left.source == right.source }
    package func hash(into hasher: inout Hasher) { hasher.combine(source) }
}

/// Why an expression is not understood.
package struct PatternError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Characters (Unicode scalars) before the fault.
    package let offset: Int
    package let message: String
    package var description: String { "\(message), at character \(offset)" }
}
