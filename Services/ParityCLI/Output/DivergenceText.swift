import ParityProtocol

/// A divergence report in words.
enum DivergenceText {
    private static let maximumMembers = 8
    private static let maximumShown = 12

    /// What a task's status says of it.
    static func short(_ summary: String, remedy: String?, task: TaskID) -> [StyledLine] {
        var head = StyledLine("results differ: ", .red)
        head.add(summary)
        var lines = [head]
        if let remedy { lines += paragraph("remedy", remedy) }
        lines.append(StyledLine("`parity divergence \(task)` shows all of it", .dim))
        return lines
    }

    /// All of it.
    static func lines(_ report: DivergenceReport) -> [StyledLine] {
        var lines = report.camps.enumerated().map { camp($1, number: $0 + 1) }
        for difference in report.differences.prefix(maximumShown) { lines += self.lines(of: difference) }
        let left = report.differencesTotal - min(report.differences.count, maximumShown)
        if left > 0 { lines.append(StyledLine("and \(left) more differences", .dim)) }
        for note in report.notes { lines.append(StyledLine("note: \(note)", .dim)) }
        lines.append(StyledLine())
        return lines + causes(report.causes)
    }

    private static func camp(_ camp: DivergenceReport.Camp, number: Int) -> StyledLine {
        var line = StyledLine("camp \(number)  ", .bold)
        if camp.outcome == .completed {
            line.add(ProgressText.shortDigest("\(camp.outputDigest)"), camp.isAccepted ? .green : nil)
        } else {
            line.add(ProgressText.words(camp.outcome.rawValue), .yellow)
        }
        if camp.isAccepted { line.add("  accepted", .green) }
        if let code = camp.exitCode, code != 0 { line.add("  exit \(code)", .yellow) }
        line.add("  " + camp.members.prefix(maximumMembers).map(member).joined(separator: ", "))
        if camp.members.count > maximumMembers { line.add(" and \(camp.members.count - maximumMembers) more") }
        return line
    }

    private static func member(_ member: DivergenceMember) -> String {
        switch member {
        case .replica(let number, let runner): "replica \(number) by runner \(ProgressText.shortID("\(runner)"))"
        case .run(let number, _): "run \(number)"
        }
    }

    private static func lines(of difference: DivergenceReport.Difference) -> [StyledLine] {
        var head = StyledLine()
        head.add(name(difference.place), .bold)
        head.add(difference.aspect == .presence ? " is not in every camp" : " differs")
        if let comparison = difference.comparison {
            head.add(" from byte \(comparison.firstByte)")
            if let line = comparison.line { head.add(", line \(line)") }
        }
        if difference.aspect == .mode || difference.aspect == .target || difference.aspect == .kind {
            head.add(" in its \(difference.aspect.rawValue)")
        }
        var lines = [StyledLine(), head]
        for value in difference.values {
            let camps = value.camps.map { "\($0 + 1)" }.joined(separator: ", ")
            lines.append(
                StyledLine("  \(value.camps.count == 1 ? "camp" : "camps") \(camps): \(short(value.text))", .dim))
        }
        return lines + (difference.comparison?.lines ?? []).map(diff)
    }

    /// Digests in full say nothing to a person.
    private static func short(_ text: String) -> String {
        guard let start = text.firstRange(of: "sha256:")?.lowerBound else { return text }
        return text[..<start] + ProgressText.shortDigest(String(text[start...]))
    }

    private static func diff(_ row: String) -> StyledLine {
        let colour: Terminal.Colour? = row.hasPrefix("-") ? .red : row.hasPrefix("+") ? .green : .dim
        return StyledLine("  " + row, colour)
    }

    static func name(_ place: DivergenceReport.Place) -> String {
        switch place {
        case .outcome: "how the run ended"
        case .exitCode: "the exit code"
        case .stdout: "stdout"
        case .file(let path): VisibleText.escape(path.bytes, limit: 200)
        }
    }

    /// The likeliest first, with its remedy; the others in one line each.
    static func causes(_ causes: [DivergenceReport.Finding]) -> [StyledLine] {
        guard let first = causes.first else {
            return paragraph("cause", "the outputs do not tell; compare the lines above with what the program does")
        }
        var lines = paragraph("cause", "\(first.cause.title) (\(first.confidence.rawValue)): \(first.evidence)")
        lines += paragraph("remedy", first.cause.remedy)
        for other in causes.dropFirst() {
            let isShown = other.confidence == .certain
            lines += paragraph(
                isShown ? "and" : "or", "\(other.cause.title) (\(other.confidence.rawValue)): \(other.evidence)")
            if isShown { lines += paragraph("remedy", other.cause.remedy) }
        }
        return lines
    }

    /// `text` behind a label, in lines that a terminal of 100 columns shows whole.
    static func paragraph(_ label: String, _ text: String) -> [StyledLine] {
        var lines: [StyledLine] = []
        var rest = text.split(separator: " ", omittingEmptySubsequences: true)[...]
        while !rest.isEmpty {
            var row = String(rest.removeFirst())
            while let word = rest.first, row.count + word.count < 90 {
                row += " \(word)"
                rest.removeFirst()
            }
            var line = StyledLine()
            line.column(lines.isEmpty ? label : "", 8, .bold)
            line.add(row)
            lines.append(line)
        }
        return lines
    }
}
