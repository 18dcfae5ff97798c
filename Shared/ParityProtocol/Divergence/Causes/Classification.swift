/// Which causes the evidence speaks for.
///
/// Each classifier is a small pure function from a piece of evidence to a cause with a weight of 1 to 100: how often
/// such a sight has that cause. Weights of one cause are not added up; what many places show counts a little more than
/// what one shows, and what is rare among many differences a little less.
enum Classification {
    struct Clue: Sendable, Equatable {
        var cause: DivergenceCause
        var weight: Int
        var evidence: String
    }

    /// Weights from which on a finding is called high and medium.
    static let high = 75
    static let medium = 50
    /// No report lists more.
    static let maximumFindings = 4

    /// The causes, the likeliest first.
    static func findings(for evidence: [DivergenceEvidence]) -> [DivergenceReport.Finding] {
        let all = evidence.flatMap { clues(in: $0) }
        let best = Dictionary(grouping: all, by: \.cause).compactMap { $0.value.max { $0.weight < $1.weight } }
        return best.sorted(by: isBefore).prefix(maximumFindings).map { clue in
            let confidence: DivergenceConfidence =
                clue.weight >= high ? .high : clue.weight >= medium ? .medium : .low
            return .init(cause: clue.cause, confidence: confidence, evidence: clue.evidence)
        }
    }

    private static func isBefore(_ left: Clue, _ right: Clue) -> Bool {
        left.weight != right.weight ? left.weight > right.weight : left.cause.rawValue < right.cause.rawValue
    }

    static func clues(in evidence: DivergenceEvidence) -> [Clue] {
        var clues = OrderClues.clues(in: evidence) + ManifestClues.clues(in: evidence)
        if let binary = evidence.binary {
            clues += BinaryClues.clues(in: binary, name: DivergenceEvidence.name(of: evidence.place), evidence.clocks)
        }
        return clues + wordClues(in: evidence)
    }

    /// The best of the classifiers for each pair of words, weighed by how many pairs speak for the same cause.
    private static func wordClues(in evidence: DivergenceEvidence) -> [Clue] {
        var best: [DivergenceCause: Clue] = [:]
        var counts: [DivergenceCause: Int] = [:]
        for substitution in evidence.substitutions {
            let clues = TimeClues.clues(in: substitution, evidence.clocks) + WordClues.clues(in: substitution)
            guard let clue = clues.max(by: { $0.weight < $1.weight }) else { continue }
            counts[clue.cause, default: 0] += 1
            if clue.weight > best[clue.cause]?.weight ?? 0 { best[clue.cause] = clue }
        }
        let total = evidence.substitutions.count
        return best.values.map { clue in
            var clue = clue
            let count = counts[clue.cause] ?? 0
            if count * 2 > total, total > 1 { clue.weight += 4 }
            if count * 5 < total { clue.weight -= 15 }
            // The same words in another order are explained by the order.
            if evidence.hasSameLines { clue.weight -= 40 }
            clue.weight = min(100, clue.weight)
            return clue
        }.filter { $0.weight > 0 }
    }
}
