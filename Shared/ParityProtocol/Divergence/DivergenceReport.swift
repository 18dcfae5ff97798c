/// What differs between the results of one task, and most likely why: `parity.divergence/v1`.
///
/// A pure function of results and contents (see ``DivergenceAnalysis``), and bounded in all its parts. Texts in it that
/// came out of containers are escaped: none holds a control character or changes the direction of writing. The paths of
/// places stand as they are, for programs; whoever shows one escapes it.
package struct DivergenceReport: Sendable, Hashable {
    package static let schema = "parity.divergence/v1"

    /// The results that are equal to each other. The accepted ones come first, then the larger camp.
    package struct Camp: Sendable, Hashable, Codable {
        package var outputDigest: Digest
        package var outcome: Outcome
        package var exitCode: Int64?
        /// It is the output of the verdict.
        package var isAccepted: Bool
        /// Its manifest was there to be compared.
        package var isCompared: Bool
        /// By ascending number.
        package var members: [DivergenceMember]

        enum CodingKeys: String, CodingKey {
            case outcome, members
            case outputDigest = "output_digest"
            case exitCode = "exit_code"
            case isAccepted = "accepted"
            case isCompared = "compared"
        }
    }

    /// Where something differs. Differences come in this order, files by the bytes of their paths.
    package enum Place: Sendable, Hashable {
        case outcome, exitCode, stdout
        case file(OutputManifest.Path)
    }

    /// In what respect.
    package enum Aspect: String, Sendable, Hashable, Codable {
        case outcome
        case exitCode = "exit_code"
        /// Only some have it.
        case presence
        case kind, mode, target, content
    }

    package struct Difference: Sendable, Hashable {
        package var place: Place
        package var aspect: Aspect
        /// What it is in which camps, by position in ``DivergenceReport/camps``.
        package var values: [Value]
        /// For contents that were compared: where they part, and what they say there.
        package var comparison: Comparison?
    }

    package struct Value: Sendable, Hashable, Codable {
        package var text: String
        package var camps: [Int]
    }

    /// Two contents side by side.
    package struct Comparison: Sendable, Hashable, Codable {
        package enum Form: String, Sendable, Hashable, Codable { case text, hex }
        /// The two camps: lines with `-` are the first's, with `+` the second's, with a blank both's.
        package var camps: [Int]
        /// Offset of the first byte that differs.
        package var firstByte: Int64
        /// Its line, counted from 1; nil for bytes that are no text.
        package var line: Int64?
        package var form: Form
        package var lines: [String]

        enum CodingKeys: String, CodingKey {
            case camps, line, form, lines
            case firstByte = "first_byte"
        }
    }

    /// A cause that the outputs speak for.
    package struct Finding: Sendable, Hashable {
        package var cause: DivergenceCause
        package var confidence: DivergenceConfidence
        /// What speaks for it.
        package var evidence: String

        package init(cause: DivergenceCause, confidence: DivergenceConfidence, evidence: String) {
            self.cause = cause
            self.confidence = confidence
            self.evidence = evidence
        }
    }

    package var camps: [Camp]
    /// The first so many; ``differencesTotal`` counts them all.
    package var differences: [Difference]
    package var differencesTotal: Int
    /// The likeliest first; empty when the outputs say nothing of it.
    package var causes: [Finding]
    /// What could not be looked at.
    package var notes: [String]
    /// All of it in one sentence.
    package var summary: String
}

/// A report in few words, as a task and its events carry it.
package struct DivergenceSummary: Sendable, Hashable, Codable {
    package var camps: Int
    package var summary: String
    package var cause: DivergenceCause?
    package var confidence: DivergenceConfidence?
    package var remedy: String?

    package init(_ report: DivergenceReport) {
        camps = report.camps.count
        summary = report.summary
        cause = report.causes.first?.cause
        confidence = report.causes.first?.confidence
        remedy = report.causes.first?.cause.remedy
    }
}
