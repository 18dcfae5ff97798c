import ParityProtocol

/// What `parity check` found, in words.
enum CheckText {
    /// One trial as it ends.
    static func line(_ result: TrialResult) -> StyledLine {
        var line = StyledLine("run \(result.trial.number)", .dim)
        line.add("  ")
        line.column(
            result.outputDigest.map { ProgressText.shortDigest("\($0)") }
                ?? ProgressText.words(result.outcome.rawValue),
            26, result.ballot == nil ? .yellow : nil)
        if let code = result.exitCode, code != 0 { line.add("exit \(code)  ", .yellow) }
        line.add(result.trial.title, .dim)
        return line
    }

    static func lines(_ report: CheckReport) -> [StyledLine] {
        verdict(report) + unmet(report)
    }

    /// What a task that runs well enough still gets wrong, with the last that it said.
    private static func unmet(_ report: CheckReport) -> [StyledLine] {
        guard !report.unmet.isEmpty else { return [] }
        let detail = report.agreed?.detail.split(separator: "\n").suffix(5).map { StyledLine("  \($0)", .dim) } ?? []
        return [StyledLine("the output is not what the spec expects", .yellow)]
            + report.unmet.map { StyledLine("  \($0.pointer): \($0.message)", .yellow) } + detail
    }

    private static func verdict(_ report: CheckReport) -> [StyledLine] {
        switch report.verdict {
        case .deterministic: return [deterministic(report)]
        case .suspect: return suspect(report)
        case .fragile: return fragile(report)
        case .nondeterministic: return nondeterministic(report)
        case .failed:
            var head = StyledLine("failed", .red)
            head.add(": \(report.detail ?? "")")
            return [head]
        }
    }

    private static func deterministic(_ report: CheckReport) -> StyledLine {
        // Runs that could not be varied so, or took too long then, say nothing.
        let counted = report.runs.filter { $0.ballot != nil }
        let varied = counted.count { !$0.trial.isBase }
        var line = StyledLine("deterministic", .green)
        line.add(" in \(counted.count) runs, \(varied) of them varied")
        if counted.count < report.runs.count {
            line.add(" (\(report.runs.count - counted.count) more did not end)", .yellow)
        }
        if let digest = report.agreed?.outputDigest { line.add("  \(digest)") }
        return line
    }

    private static func suspect(_ report: CheckReport) -> [StyledLine] {
        var head = StyledLine("suspect", .yellow)
        head.add(": runs agree here, yet the output holds what other machines or days have otherwise")
        var lines = [head]
        for witness in report.witnesses {
            lines += DivergenceText.paragraph("holds", "\"\(witness.text)\", \(witness.what)")
        }
        if let first = report.witnesses.first {
            lines += DivergenceText.paragraph("cause", first.cause.title)
            lines += DivergenceText.paragraph("remedy", first.cause.remedy)
        }
        return lines + divergence(report)
    }

    private static func fragile(_ report: CheckReport) -> [StyledLine] {
        let names = report.dependencies.map(\.title).joined(separator: ", ")
        var head = StyledLine("fragile", .yellow)
        head.add(": the output depends on the \(names.isEmpty ? "surroundings" : names)")
        let comfort =
            "Runs as on the network agree: there it is the same for every run. It is still a dependence that the task "
            + "does not declare."
        let digest = report.agreed?.outputDigest.map { [StyledLine("on the network  \($0)")] } ?? []
        return [head] + DivergenceText.paragraph("", comfort) + digest + divergence(report)
    }

    private static func divergence(_ report: CheckReport) -> [StyledLine] {
        report.divergence.map { [StyledLine()] + DivergenceText.lines($0) } ?? []
    }

    private static func nondeterministic(_ report: CheckReport) -> [StyledLine] {
        var head = StyledLine("nondeterministic", .red)
        if report.dependencies.isEmpty {
            head.add(": runs in the same surroundings came out in \(report.divergence?.camps.count ?? 2) ways")
        } else {
            let names = report.dependencies.map(\.title).joined(separator: ", ")
            head.add(": the output depends on the \(names), which is not the same on every machine")
        }
        return [head] + divergence(report)
    }
}
