/// Makes a ``DivergenceReport`` of the results of one task. Pure: whoever holds the contents answers ``questions`` with
/// a ``ContentComparison`` each, as far as it can, and then asks for the ``report(established:)``.
package struct DivergenceAnalysis: Sendable {
    /// Two contents that must be compared to say where they part.
    package struct Question: Sendable, Hashable {
        /// Which difference it is about.
        let difference: Int
        /// The camps that hold them.
        let camps: [Int]
        package let left: OutputManifest.Content
        package let right: OutputManifest.Content
    }

    /// Outputs of more camps than this are not compared file by file.
    package static let maximumCompared = 4
    /// Contents of more differences than this are not looked at.
    package static let maximumQuestions = 4
    /// No list of files that is longer than this is read for a report.
    package static let maximumManifestBytes = 16 << 20
    static let maximumNotes = 8

    private var camps: [DivergenceReport.Camp]
    private let clocks: [ClosedRange<Int64>?]
    private let differences: [ManifestDifferences.Found]
    private let differencesTotal: Int
    private let lonePaths: (left: [OutputManifest.Path], right: [OutputManifest.Path])
    private var comparisons: [Int: ContentComparison] = [:]
    private var notes: [String] = []
    package let questions: [Question]

    /// `accepted` is what the task was verified with, if it was.
    package init(votes: [DivergenceVote], accepted: Ballot? = nil) {
        let groups = Self.camps(of: votes, accepted: accepted)
        camps = groups.map(\.camp)
        clocks = groups.map(\.votes).map { $0.lazy.compactMap(\.clock).first }
        var outputs: [(camp: Int, manifest: OutputManifest)] = []
        for (index, group) in groups.prefix(Self.maximumCompared).enumerated() where group.camp.outcome == .completed {
            guard let manifest = group.votes.lazy.compactMap(\.manifest).first else {
                notes.append("the output of camp \(index + 1) was not kept, or is too large to be compared")
                continue
            }
            outputs.append((index, manifest))
            camps[index].isCompared = true
        }
        if groups.count > Self.maximumCompared {
            notes.append("only \(Self.maximumCompared) of \(groups.count) camps were compared file by file")
        }
        let compared = ManifestDifferences(outputs)
        lonePaths = compared.lonePaths
        let outcomes = Self.outcomes(of: camps)
        differences = outcomes + compared.found
        differencesTotal = outcomes.count + compared.total
        questions = Self.questions(about: differences)
    }

    /// The manifests that matter for a report on `votes`, which may still be without any.
    package static func manifestsToRead(of votes: [DivergenceVote], accepted: Ballot?) -> [Digest] {
        camps(of: votes, accepted: accepted).map(\.camp).prefix(maximumCompared).filter { $0.outcome == .completed }
            .map(\.outputDigest)
    }

    /// How many camps there are; two or more make a divergence.
    package var campCount: Int { camps.count }

    package mutating func answer(_ question: Question, with comparison: ContentComparison) {
        comparisons[question.difference] = comparison
    }

    /// A content that should be there is not.
    package mutating func leaveOut(_ question: Question, because reason: String) {
        let note = "\(Self.name(differences[question.difference].place)) could not be compared: \(reason)"
        if notes.count < Self.maximumNotes { notes.append(note) }
    }

    /// The report. Where experiments have shown causes, these are `established` and nothing is guessed.
    package func report(established: [DivergenceReport.Finding] = []) -> DivergenceReport {
        let causes = established.isEmpty ? findings() : established
        return DivergenceReport(
            camps: camps, differences: differences.indices.map(difference), differencesTotal: differencesTotal,
            causes: causes, notes: Array(notes.prefix(Self.maximumNotes)), summary: summary(cause: causes.first))
    }

    private func findings() -> [DivergenceReport.Finding] {
        var evidence: [DivergenceEvidence] = []
        for (index, found) in differences.enumerated() {
            if let comparison = comparisons[index], let question = questions.first(where: { $0.difference == index }) {
                evidence.append(
                    DivergenceEvidence(comparison, at: found.place, clocks: question.camps.map { clocks[$0] }))
            } else if found.contents.isEmpty {
                evidence.append(DivergenceEvidence(found))
            }
        }
        if !lonePaths.left.isEmpty, !lonePaths.right.isEmpty {
            evidence.append(DivergenceEvidence(names: lonePaths.left, lonePaths.right))
        }
        return Classification.findings(for: evidence)
    }

    private func difference(_ index: Int) -> DivergenceReport.Difference {
        let found = differences[index]
        var difference = DivergenceReport.Difference(
            place: found.place, aspect: found.aspect, values: found.values, comparison: nil)
        if let comparison = comparisons[index], let first = comparison.firstDifference,
            let question = questions.first(where: { $0.difference == index })
        {
            let (form, line, rows) = ReadableDiff.rows(of: comparison)
            difference.comparison = .init(
                camps: question.camps, firstByte: first, line: line, form: form, lines: rows)
        }
        return difference
    }
}

// MARK: - Parts

extension DivergenceAnalysis {
    private typealias Group = (camp: DivergenceReport.Camp, votes: [DivergenceVote])

    private static func camps(of votes: [DivergenceVote], accepted: Ballot?) -> [Group] {
        let votes = votes.sorted { $0.member.number < $1.member.number }
        var groups: [Group] = []
        for (ballot, votes) in Dictionary(grouping: votes, by: \.ballot) {
            let camp = DivergenceReport.Camp(
                outputDigest: ballot.digest, outcome: ballot.outcome,
                exitCode: votes.lazy.compactMap(\.exitCode).first, isAccepted: ballot == accepted, isCompared: false,
                members: votes.map(\.member))
            groups.append((camp, votes))
        }
        return groups.sorted { isBefore($0.camp, $1.camp) }
    }

    private static func isBefore(_ left: DivergenceReport.Camp, _ right: DivergenceReport.Camp) -> Bool {
        if left.isAccepted != right.isAccepted { return left.isAccepted }
        if left.members.count != right.members.count { return left.members.count > right.members.count }
        let numbers = (left.members.first?.number ?? 0, right.members.first?.number ?? 0)
        return numbers.0 != numbers.1 ? numbers.0 < numbers.1 : left.outputDigest < right.outputDigest
    }

    private static func outcomes(of camps: [DivergenceReport.Camp]) -> [ManifestDifferences.Found] {
        guard Set(camps.map(\.outcome)).count > 1 else { return [] }
        let texts = camps.enumerated().map { (camp: $0.offset, text: $0.element.outcome.rawValue) }
        return [.init(place: .outcome, aspect: .outcome, texts: texts)]
    }

    /// The first camp that has something there, and the first whose content is another.
    private static func questions(about differences: [ManifestDifferences.Found]) -> [Question] {
        var questions: [Question] = []
        for (index, found) in differences.enumerated() where questions.count < maximumQuestions {
            guard let left = found.contents.first,
                let right = found.contents.first(where: { $0.content != left.content })
            else { continue }
            questions.append(
                Question(
                    difference: index, camps: [left.camp, right.camp], left: left.content, right: right.content))
        }
        return questions
    }

    static func name(_ place: DivergenceReport.Place) -> String {
        switch place {
        case .outcome: "how the run ended"
        case .exitCode: "the exit code"
        case .stdout: "stdout"
        case .file(let path): VisibleText.escape(path.bytes, limit: 100)
        }
    }

    /// `stdout differs from byte 17 (line 2) between 2 camps: a time stamp (high confidence)`
    private func summary(cause: DivergenceReport.Finding?) -> String {
        var text = "\(camps.count) camps"
        if let first = differences.first {
            text = "\(Self.name(first.place)) differs"
            if first.aspect == .presence { text = "\(Self.name(first.place)) is there in some camps only" }
            if let byte = comparisons[0]?.firstDifference { text += " from byte \(byte)" }
            if let line = difference(0).comparison?.line { text += " (line \(line))" }
            if differencesTotal > 1 { text += ", and \(differencesTotal - 1) more" }
            text += ", between \(camps.count) camps"
        }
        guard let cause else { return text }
        return text + ": \(cause.cause.title) (\(cause.confidence.rawValue) confidence)"
    }
}
