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

/// An output that is more, or of another kind, than it may be. All of these are one vote: which of them a run meets first
/// may be chance.
struct OutputLimitExceeded: Error, Hashable {
    /// For people: which limit it was.
    let detail: String

    static let bytes = OutputLimitExceeded(detail: "stdout and files hold more than limits.output_bytes")
    static let files = OutputLimitExceeded(detail: "/output holds more than limits.output_files")
    static let stderr = OutputLimitExceeded(detail: "stderr is longer than \(AttachedOutput.maximumStderrBytes) bytes")
    static let kind = OutputLimitExceeded(detail: "/output holds something else than files, folders and links")
    static let path = OutputLimitExceeded(
        detail: "a path in /output is longer than \(OutputCollector.maximumPathBytes) bytes")
    static let names = OutputLimitExceeded(
        detail: "the names in /output are longer than \(OutputCollector.maximumNameBytes) bytes together")
}
