/// What the manifests alone tell.
enum ManifestClues {
    typealias Clue = Classification.Clue

    static func clues(in evidence: DivergenceEvidence) -> [Clue] {
        switch evidence.aspect {
        case .outcome:
            [Clue(cause: .nearLimit, weight: 84, evidence: "some runs went over a limit, others did not")]
        case .exitCode:
            [Clue(cause: .crash, weight: 45, evidence: "runs ended with different exit codes")]
        case .mode:
            [Clue(cause: .fileMode, weight: 80, evidence: "only some runs made the file executable")]
        case .presence, .kind, .target, .content: []
        }
    }
}
