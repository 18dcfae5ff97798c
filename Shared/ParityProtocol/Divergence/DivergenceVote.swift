/// Whose output it is: a replica's in the network, or a run's in `parity check`.
package enum DivergenceMember: Sendable, Hashable {
    case replica(Int, runner: RunnerID)
    /// `surroundings` say in words what was varied.
    case run(Int, surroundings: String)

    package var number: Int {
        switch self {
        case .replica(let number, _), .run(let number, _): number
        }
    }
}

/// One result that counts: whose, for what, and what is known of its output.
package struct DivergenceVote: Sendable {
    package var member: DivergenceMember
    package var ballot: Ballot
    package var exitCode: Int64?
    /// Nil for an outcome without output, and where the manifest was not kept.
    package var manifest: OutputManifest?
    /// When it ran, by its runner's clock, in milliseconds since 1970. A hint for telling times apart, nothing more.
    package var clock: ClosedRange<Int64>?

    package init(
        member: DivergenceMember, ballot: Ballot, exitCode: Int64? = nil, manifest: OutputManifest? = nil,
        clock: ClosedRange<Int64>? = nil
    ) {
        self.member = member
        self.ballot = ballot
        self.exitCode = exitCode
        self.manifest = manifest
        self.clock = clock
    }
}
