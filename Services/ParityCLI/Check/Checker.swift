import ParityProtocol

/// The procedure of `parity check`.
///
/// Runs as on the network decide whether a task is deterministic. Beside them it is run with everything varied at once
/// that can be. If that makes a difference, each thing is varied alone, to name what it is; and because chance can look
/// like a cause, whatever made a difference must make the same one again, and a last run as on the network must still be
/// like the first.
struct Checker<Lab: Laboratory> {
    let lab: Lab
    /// Told of every trial, by number.
    var onResult: @Sendable (TrialResult) -> Void = { _ in }

    static var maximumRuns: Int { 40 }

    /// Checks with `runs` trials, two or more; naming a cause may take about twenty more.
    func check(runs: Int) async throws -> CheckReport {
        let planned = try await perform(Trial.plan(runs: runs, possible: lab.variations))
        let base = planned.filter(\.trial.isBase)
        if let failure = base.first(where: { $0.ballot == nil }) { return failed(failure, planned) }
        guard let first = base.first, base.allSatisfy({ $0.ballot == first.ballot }) else {
            return try await nondeterministic(base, all: planned)
        }
        let other = planned.filter { !$0.trial.isBase && $0.ballot != nil && $0.ballot != first.ballot }
        guard let other = other.first else { return try await agreed(first, planned) }
        return try await explain(other, base: first, planned)
    }

    private func perform(_ trials: [Trial]) async throws -> [TrialResult] {
        try await withThrowingTaskGroup(of: TrialResult.self) { group in
            for trial in trials { group.addTask { try await lab.run(trial) } }
            var results: [Int: TrialResult] = [:]
            var told = 0
            for try await result in group {
                results[result.trial.number] = result
                while told < trials.count, let next = results[trials[told].number] {
                    onResult(next)
                    told += 1
                }
            }
            return trials.compactMap { results[$0.number] }
        }
    }

    // MARK: - Verdicts

    private func failed(_ failure: TrialResult, _ all: [TrialResult]) -> CheckReport {
        var report = CheckReport(verdict: .failed, runs: all)
        report.detail = "\(failure.outcome.rawValue): \(failure.detail)"
        return report
    }

    private func agreed(_ first: TrialResult, _ all: [TrialResult]) async throws -> CheckReport {
        let witnesses = try await lab.witnesses(in: first)
        var report = CheckReport(verdict: witnesses.isEmpty ? .deterministic : .suspect, runs: all)
        report.agreed = first
        report.witnesses = witnesses
        return report
    }

    /// `different` are runs in the same surroundings.
    private func nondeterministic(_ different: [TrialResult], all: [TrialResult]) async throws -> CheckReport {
        var report = CheckReport(verdict: .nondeterministic, runs: all)
        report.divergence = try await divergence(of: different, established: [])
        return report
    }

    private func divergence(
        of results: [TrialResult], established: [DivergenceReport.Finding]
    ) async throws -> DivergenceReport {
        var analysis = DivergenceAnalysis(votes: results.compactMap(\.vote))
        for question in analysis.questions {
            if let comparison = try await lab.compare(question.left, question.right) {
                analysis.answer(question, with: comparison)
            } else {
                analysis.leaveOut(question, because: "its content is gone")
            }
        }
        return analysis.report(established: established)
    }

    // MARK: - Which of the varied things it was

    private func explain(_ other: TrialResult, base: TrialResult, _ planned: [TrialResult]) async throws -> CheckReport
    {
        var number = planned.count
        func trial(_ variations: [Variation]) -> Trial {
            number += 1
            return Trial(number: number, variations: variations, variant: other.trial.variant)
        }
        let singles = try await perform(other.trial.variations.map { trial([$0]) })
        let guilty = singles.filter { $0.ballot != nil && $0.ballot != base.ballot }
        // Nothing alone: then all together once more.
        let repeated = guilty.isEmpty ? [other] : guilty
        let again = try await perform(repeated.map { trial($0.trial.variations) } + [trial([])])
        let all = planned + singles + again
        // A run that did not end says nothing of what it would have come to.
        if let failure = again.first(where: { $0.ballot == nil }) { return failed(failure, all) }
        guard let control = again.last, control.ballot == base.ballot else {
            return try await nondeterministic([base] + again.suffix(1), all: all)
        }
        for (result, confirmation) in zip(repeated, again) where result.ballot != confirmation.ballot {
            return try await nondeterministic([result, confirmation], all: all)
        }
        let dependencies = Self.sorted(guilty.flatMap(\.trial.variations))
        let isFixed = dependencies.allSatisfy(\.isFixedOnTheNetwork)
        var report = CheckReport(verdict: .nondeterministic, runs: all)
        if isFixed {
            report.agreed = base
            report.witnesses = try await lab.witnesses(in: base)
            report.verdict = report.witnesses.isEmpty ? .fragile : .suspect
        }
        report.dependencies = dependencies
        report.divergence = try await divergence(
            of: [base] + repeated, established: dependencies.map { Self.finding($0) })
        return report
    }

    /// What shows in variables shows wherever they are all written: then those are what it is about.
    private static func sorted(_ variations: [Variation]) -> [Variation] {
        guard variations.contains(.environment), variations.count > 2 else { return variations }
        return [.environment] + variations.filter { $0 != .environment }
    }

    private static func finding(_ variation: Variation) -> DivergenceReport.Finding {
        .init(
            cause: variation.cause, confidence: .certain,
            evidence:
                "runs that differ in nothing but the \(variation.title) come out different, each time the same way")
    }
}
