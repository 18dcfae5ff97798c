import FoundationEssentials
import ParityProtocol

/// What `parity check` found: `parity.check/v1`.
struct CheckReport: Sendable {
    static let schema = "parity.check/v1"

    enum Verdict: String, Sendable, Codable {
        /// All runs agree, however they were varied.
        case deterministic
        /// Runs as on the network agree; what was varied and is fixed there makes a difference.
        case fragile
        /// All runs agree, yet their output repeats something that belongs to this machine or this day.
        case suspect
        /// Runs differ, though nothing was varied that is the same everywhere on the network.
        case nondeterministic
        /// The task does not run to an end that would vote.
        case failed
    }

    var verdict: Verdict
    /// All trials, by number.
    var runs: [TrialResult]
    /// What runs as on the network agree on; nil where they do not.
    var agreed: TrialResult?
    /// What was varied and made a difference.
    var dependencies: [Variation] = []
    var witnesses: [Witness] = []
    var divergence: DivergenceReport?
    /// What the spec expects of the output that runs as on the network agree on, and is not so.
    var unmet: [ExpectationFailure] = []
    /// Why it failed.
    var detail: String?
}

extension CheckReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case schema, verdict, runs, dependencies, witnesses, divergence, detail, outcome
        case outputDigest = "output_digest"
        case exitCode = "exit_code"
        case unmet = "expectation_failures"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.schema, forKey: .schema)
        try container.encode(verdict, forKey: .verdict)
        try container.encodeIfPresent(agreed?.outputDigest, forKey: .outputDigest)
        try container.encodeIfPresent(agreed?.outcome, forKey: .outcome)
        try container.encodeIfPresent(agreed?.exitCode, forKey: .exitCode)
        try container.encode(runs, forKey: .runs)
        try container.encode(dependencies, forKey: .dependencies)
        try container.encode(witnesses, forKey: .witnesses)
        try container.encodeIfPresent(divergence, forKey: .divergence)
        try container.encode(unmet, forKey: .unmet)
        try container.encodeIfPresent(detail, forKey: .detail)
    }
}

extension TrialResult: Encodable {
    private enum CodingKeys: String, CodingKey {
        case run, varied, outcome, detail
        case outputDigest = "output_digest"
        case exitCode = "exit_code"
        case milliseconds = "duration_ms"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(trial.number, forKey: .run)
        try container.encode(trial.variations, forKey: .varied)
        try container.encode(outcome, forKey: .outcome)
        try container.encodeIfPresent(outputDigest, forKey: .outputDigest)
        try container.encodeIfPresent(exitCode, forKey: .exitCode)
        try container.encode(clock.upperBound - clock.lowerBound, forKey: .milliseconds)
        try container.encode(detail, forKey: .detail)
    }
}
