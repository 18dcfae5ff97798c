/// Columns aligned by their widest cell, for people.
struct TextTable {
    private var rows: [[String]]

    init(_ header: String...) { rows = [header.map { $0.uppercased() }] }

    mutating func add(_ cells: String...) { rows.append(cells.map(Console.oneLine)) }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
