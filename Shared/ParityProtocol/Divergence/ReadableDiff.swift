/// What two contents say where they part, for people: lines of text, or hex.
enum ReadableDiff {
    static let maximumRows = 40
    static let maximumWidth = 160
    private static let contextRows = 2
    private static let hexRows: Int64 = 4

    /// The form, the line number of the first difference in text, and the rows, each with its mark (blank, `-`, `+`).
    static func rows(of comparison: ContentComparison) -> (
        form: DivergenceReport.Comparison.Form, line: Int64?, rows: [String]
    ) {
        guard let text = ComparedText(comparison) else { return (.hex, nil, hexRows(of: comparison)) }
        return (.text, comparison.linesBefore + 1, textRows(of: text))
    }

    private static func textRows(of text: ComparedText) -> [String] {
        var rows = text.before.suffix(contextRows).map { row(" ", $0, column: 0) }
        let edits = LineEdit.script(text.left, text.right)
        let columns = changedColumns(edits, text)
        for (index, edit) in edits.enumerated() {
            switch edit {
            case .remove(let line): rows.append(row("-", text.left[line], column: columns[index]))
            case .insert(let line): rows.append(row("+", text.right[line], column: columns[index]))
            case .keep(let line, _):
                // Only lines next to a change are worth a row.
                let near = edits[max(0, index - contextRows)...min(edits.count - 1, index + contextRows)]
                if near.contains(where: \.isChange) {
                    rows.append(row(" ", text.left[line], column: 0))
                } else if rows.last != " …" {
                    rows.append(" …")
                }
            }
        }
        return rows.count > maximumRows ? rows.prefix(maximumRows) + [" …"] : rows
    }

    /// Where each changed line begins to differ from the line that takes its place.
    private static func changedColumns(_ edits: [LineEdit], _ text: ComparedText) -> [Int] {
        var columns = [Int](repeating: 0, count: edits.count)
        for hunk in LineEdit.hunks(edits) {
            for (removed, inserted) in zip(hunk.removed, hunk.inserted) {
                guard case .remove(let i) = edits[removed], case .insert(let j) = edits[inserted] else { continue }
                let column = zip(text.left[i], text.right[j]).prefix { $0 == $1 }.count
                columns[removed] = column
                columns[inserted] = column
            }
        }
        return columns
    }

    /// A long line is shown around `column`.
    private static func row(_ mark: String, _ line: ArraySlice<UInt8>, column: Int) -> String {
        guard column > maximumWidth * 3 / 4 else { return mark + VisibleText.escape(line, limit: maximumWidth) }
        return mark + "…" + VisibleText.escape(line.dropFirst(column - maximumWidth / 2), limit: maximumWidth)
    }

    private static func hexRows(of comparison: ContentComparison) -> [String] {
        let offset = comparison.firstDifference ?? 0
        let start = offset / 16 * 16
        let common = comparison.lead.suffix(Int(offset - start))
        let left = Array(common + comparison.left.window)
        let right = Array(common + comparison.right.window)
        var rows: [String] = []
        for row in 0..<hexRows {
            let range = Int(row) * 16..<Int(row) * 16 + 16
            let (a, b) = (slice(left, range), slice(right, range))
            let address = start + row * 16
            if a == b {
                if !a.isEmpty { rows.append(" " + hexRow(address, a)) }
                continue
            }
            if !a.isEmpty { rows.append("-" + hexRow(address, a)) }
            if !b.isEmpty { rows.append("+" + hexRow(address, b)) }
        }
        return rows
    }

    private static func slice(_ bytes: [UInt8], _ range: Range<Int>) -> ArraySlice<UInt8> {
        bytes[min(range.lowerBound, bytes.count)..<min(range.upperBound, bytes.count)]
    }

    /// Offset, sixteen bytes, and what of them is ASCII, as hexdump -C writes it.
    private static func hexRow(_ offset: Int64, _ bytes: ArraySlice<UInt8>) -> String {
        let address = String(offset, radix: 16)
        let hex = bytes.map { CollectionOfOne($0).hexadecimal }.joined(separator: " ")
        let ascii = bytes.map { (0x20..<0x7F).contains($0) ? Character(Unicode.Scalar($0)) : "." }
        return String(repeating: "0", count: max(0, 8 - address.count)) + address + "  " + hex
            + String(repeating: " ", count: 47 - hex.count) + "  |" + String(ascii) + "|"
    }
}

extension LineEdit {
    var isChange: Bool { if case .keep = self { false } else { true } }

    /// The changes between two kept lines, by position in the script.
    struct Hunk {
        var removed: [Int] = []
        var inserted: [Int] = []
    }

    static func hunks(_ edits: [LineEdit]) -> [Hunk] {
        var hunks: [Hunk] = []
        var hunk = Hunk()
        for (index, edit) in edits.enumerated() {
            switch edit {
            case .remove: hunk.removed.append(index)
            case .insert: hunk.inserted.append(index)
            case .keep:
                if !hunk.removed.isEmpty || !hunk.inserted.isEmpty { hunks.append(hunk) }
                hunk = Hunk()
            }
        }
        if !hunk.removed.isEmpty || !hunk.inserted.isEmpty { hunks.append(hunk) }
        return hunks
    }
}
