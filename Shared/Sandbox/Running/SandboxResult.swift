package import ParityProtocol

/// How a run ended and what it left.
package struct SandboxResult: Sendable {
    package var outcome: Outcome
    package var exitCode: Int64?
    /// Of a completed run.
    package var manifest: OutputManifest?
    /// What is voted on; nil for outcomes that do not vote.
    package var outputDigest: Digest?
    /// Files of the scratch folder that hold the contents the manifest names.
    package var contents: [Digest: String] = [:]
    /// For people: the end of stderr, or why it did not run.
    package var detail: String

    package init(outcome: Outcome, detail: String) {
        self.outcome = outcome
        self.detail = detail
    }

    static func exceeded(_ limit: String, detail: String) -> SandboxResult {
        var result = SandboxResult(outcome: .limitExceeded, detail: detail)
        result.outputDigest = OutputManifest.limitDigest(limit)
        return result
    }
}

/// A limit that the output went over.
struct OutputLimitExceeded: Error {
    let what: String
}
