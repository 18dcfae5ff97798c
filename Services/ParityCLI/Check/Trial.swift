import ParityProtocol
import Sandbox

/// One run that `parity check` makes: as on the network, or with some of its surroundings varied.
struct Trial: Sendable, Hashable {
    /// Counts from 1, as people do.
    let number: Int
    /// Empty for a run as on the network.
    let variations: [Variation]
    /// Which way they are varied.
    let variant: Int
    /// Whether it must start in another second than others that say so.
    var isPaced = false

    var isBase: Bool { variations.isEmpty }

    /// For people.
    var title: String {
        switch variations.count {
        case 0: "as on the network"
        case 1, 2, 3: "other " + variations.map(\.title).joined(separator: ", ")
        default: "varied in \(variations.count) ways"
        }
    }

    func surroundings(for spec: TaskSpec, cpus: Int) -> Surroundings {
        var surroundings = Surroundings.standard
        for variation in variations { variation.vary(&surroundings, variant: variant, spec: spec, cpus: cpus) }
        return surroundings
    }

    /// The runs of a check: every other one as on the network, at least one; the others with everything varied, each in
    /// another way.
    static func plan(runs: Int, possible: [Variation]) -> [Trial] {
        (0..<runs).map { index in
            let isBase = index % 2 == 0 || possible.isEmpty
            return Trial(
                number: index + 1, variations: isBase ? [] : possible, variant: isBase ? 0 : index / 2,
                isPaced: isBase || runs == 2)
        }
    }
}

/// What a trial came to.
struct TrialResult: Sendable {
    let trial: Trial
    let outcome: Outcome
    var outputDigest: Digest?
    var exitCode: Int64?
    var manifest: OutputManifest?
    /// The last of stderr, or why it did not run.
    var detail = ""
    /// When it ran, in milliseconds since 1970.
    var clock: ClosedRange<Int64> = 0...0

    /// What it would vote for; nil for an outcome that does not vote.
    var ballot: Ballot? {
        guard outcome.votes, let outputDigest else { return nil }
        return Ballot(outcome: outcome, digest: outputDigest, exitCode: exitCode.map { Int($0) })
    }

    var vote: DivergenceVote? {
        ballot.map {
            DivergenceVote(
                member: .run(trial.number, surroundings: trial.title), ballot: $0, exitCode: exitCode,
                manifest: manifest, clock: clock)
        }
    }
}

/// Where trials are made: containers in `parity`, functions in tests.
protocol Laboratory: Sendable {
    /// What it can vary.
    var variations: [Variation] { get }
    /// Makes a trial; any number at once.
    func run(_ trial: Trial) async throws -> TrialResult
    /// Compares two contents of trials that were made; nil if one is gone.
    func compare(_ left: OutputManifest.Content, _ right: OutputManifest.Content) async throws -> ContentComparison?
    /// Facts of this machine and this day that the output of a trial repeats.
    func witnesses(in result: TrialResult) async throws -> [Witness]
}
