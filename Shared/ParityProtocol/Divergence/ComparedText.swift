/// What a comparison kept of one content, as lines: from the line in which the first difference stands.
struct ComparedText {
    /// Without their line feeds.
    let left: [ArraySlice<UInt8>]
    let right: [ArraySlice<UInt8>]
    /// Lines before, nearest last.
    let before: [ArraySlice<UInt8>]
    /// Offset of the first difference in its line.
    let column: Int

    /// More lines than this are not compared with each other.
    static let maximumLines = 200
    private static let newline = UInt8(ascii: "\n")

    /// Nil unless both sides look like text.
    init?(_ comparison: ContentComparison) {
        let lead = comparison.lead
        guard Self.isText(lead + comparison.left.window), Self.isText(lead + comparison.right.window) else {
            return nil
        }
        let start = lead.lastIndex(of: Self.newline).map { $0 + 1 } ?? 0
        column = lead.count - start
        left = Self.lines(Array(lead[start...]) + comparison.left.window, isWhole: comparison.left.isAtEnd)
        right = Self.lines(Array(lead[start...]) + comparison.right.window, isWhole: comparison.right.isAtEnd)
        before =
            start == 0 ? [] : lead[..<(start - 1)].split(separator: Self.newline, omittingEmptySubsequences: false)
    }

    /// The last line is left out where it may be cut.
    private static func lines(_ bytes: [UInt8], isWhole: Bool) -> [ArraySlice<UInt8>] {
        var lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
        if lines.count > 1, lines.last?.isEmpty == true || !isWhole { lines.removeLast() }
        return Array(lines.prefix(maximumLines))
    }

    /// No NUL, hardly a control character, and mostly what a keyboard writes or UTF-8.
    static func isText(_ bytes: [UInt8]) -> Bool {
        var plain = 0
        var high = 0
        for byte in bytes {
            switch byte {
            case 0: return false
            case 0x20..<0x7F, 0x09, 0x0A, 0x0D, 0x1B: plain += 1
            case 0x80...: high += 1
            default: break
            }
        }
        // A window may begin and end inside a character.
        let isUTF8 = high > 0 && String(decoding: bytes, as: UTF8.self).unicodeScalars.count { $0 == "\u{FFFD}" } <= 6
        return (plain + high) * 50 >= bytes.count * 49 && (isUTF8 || high * 4 <= bytes.count)
    }
}

/// One step of an edit script that makes the right lines of the left ones.
enum LineEdit: Equatable {
    case keep(left: Int, right: Int)
    case remove(Int)
    case insert(Int)

    /// A shortest script, by the longest common subsequence; removals stand before insertions.
    static func script(_ left: [ArraySlice<UInt8>], _ right: [ArraySlice<UInt8>]) -> [LineEdit] {
        var lengths = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
        for i in left.indices.reversed() {
            for j in right.indices.reversed() {
                lengths[i][j] =
                    left[i] == right[j] ? lengths[i + 1][j + 1] + 1 : max(lengths[i + 1][j], lengths[i][j + 1])
            }
        }
        var edits: [LineEdit] = []
        var (i, j) = (0, 0)
        while i < left.count || j < right.count {
            if i < left.count, j < right.count, left[i] == right[j] {
                edits.append(.keep(left: i, right: j))
                (i, j) = (i + 1, j + 1)
            } else if i < left.count, j == right.count || lengths[i + 1][j] >= lengths[i][j + 1] {
                edits.append(.remove(i))
                i += 1
            } else {
                edits.append(.insert(j))
                j += 1
            }
        }
        return edits
    }
}
