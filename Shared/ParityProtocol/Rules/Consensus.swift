/// What one replica contributes to the vote, as the verifier read it from the rows.
package struct ReplicaStanding: Sendable, Hashable {
    package enum Standing: Sendable, Hashable {
        /// Waiting, offered or running: it may still vote.
        case open
        /// Its runner's signed result.
        case voted(Ballot)
        /// It ended without a vote.
        case ended(EndReason)
    }

    package enum EndReason: String, Sendable, Hashable {
        case lost
        case timedOut = "timed_out"
        case rejected
        case cancelled
    }

    package let replica: Int
    /// Who voted; nil as long as nobody has. Votes count once for each owner.
    package let owner: String?
    package let standing: Standing

    package init(replica: Int, owner: String?, standing: Standing) {
        self.replica = replica
        self.owner = owner
        self.standing = standing
    }
}

/// What a vote is cast for: an output, or a limit that the work ran into.
package struct Ballot: Sendable, Hashable {
    package let outcome: Outcome
    package let digest: Digest
    /// Of a completed run. The digest covers it already, but only whoever holds the manifest could tell: who states
    /// another one beside the right digest votes for something else.
    package let exitCode: Int?

    package init(outcome: Outcome, digest: Digest, exitCode: Int? = nil) {
        self.outcome = outcome
        self.digest = digest
        self.exitCode = exitCode
    }
}

/// The rule by which votes become a verdict (design, section 5): a pure function of the set of standings, so the
/// same votes in any order give the same verdict.
package enum Consensus {
    package enum Decision: Sendable, Hashable {
        /// Not yet. The task should have `replicas` replicas in all for a decision to stay within reach.
        case undecided(replicas: Int)
        case verified(Ballot, winners: [Int])
        case noConsensus
        case failed(FailureReason)
    }

    package enum FailureReason: String, Sendable, Hashable {
        case tooManyLost = "too_many_lost"
        case tooManyTimedOut = "too_many_timed_out"
        case tooManyRejected = "too_many_rejected"
        case replicasExhausted = "replicas_exhausted"
        case deadline
        /// There is no image to run.
        case buildFailed = "build_failed"
    }

    /// How many replicas may end without a vote, by reason, before the task is given up.
    package struct Tolerance: Sendable, Hashable {
        package var lost: Int
        package var timedOut: Int
        package var rejected: Int
        /// Losing a runner says nothing of the task; running over time or not starting mostly does.
        package init(lost: Int = 4, timedOut: Int = 2, rejected: Int = 2) {
            self.lost = lost
            self.timedOut = timedOut
            self.rejected = rejected
        }
    }

    package static func decide(
        _ standings: [ReplicaStanding], rules: VerificationRules, tolerance: Tolerance = .init()
    ) -> Decision {
        let quorum = Int(rules.quorum)
        let camps = campsByBallot(standings)
        if let winner = camps.first(where: { $0.value.owners.count >= quorum }) {
            // Quorum is more than half of the replicas that count, so a second camp of that size can only come
            // from votes beyond them; the order below makes even that case a function of the set.
            let best = camps.filter { $0.value.owners.count >= quorum }.max { isSmaller($0, $1) } ?? winner
            return .verified(best.key, winners: best.value.replicas.sorted())
        }
        let votes = camps.values.reduce(0) { $0 + $1.owners.count }
        let largest = camps.values.map(\.owners.count).max() ?? 0
        if largest + max(0, Int(rules.replicas) - votes) < quorum { return .noConsensus }
        if let reason = exceeded(standings, tolerance: tolerance) { return .failed(reason) }

        let open = standings.count { $0.standing == .open }
        let missing = max(0, Int(rules.replicas) - votes - open)
        let creatable = max(0, Int(rules.maxReplicas) - standings.count)
        if largest + open + min(missing, creatable) < quorum {
            return votes > largest ? .noConsensus : .failed(.replicasExhausted)
        }
        return .undecided(replicas: standings.count + min(missing, creatable))
    }

    private struct Camp {
        var owners: Set<String> = []
        var replicas: [Int] = []
    }

    private static func campsByBallot(_ standings: [ReplicaStanding]) -> [Ballot: Camp] {
        var camps: [Ballot: Camp] = [:]
        for standing in standings {
            guard case .voted(let ballot) = standing.standing, let owner = standing.owner else { continue }
            camps[ballot, default: Camp()].owners.insert(owner)
            camps[ballot, default: Camp()].replicas.append(standing.replica)
        }
        return camps
    }

    private static func isSmaller(_ left: (key: Ballot, value: Camp), _ right: (key: Ballot, value: Camp)) -> Bool {
        (left.value.owners.count, left.key.digest, left.key.outcome.rawValue, left.key.exitCode ?? -1)
            < (right.value.owners.count, right.key.digest, right.key.outcome.rawValue, right.key.exitCode ?? -1)
    }

    private static func exceeded(_ standings: [ReplicaStanding], tolerance: Tolerance) -> FailureReason? {
        func count(_ reason: ReplicaStanding.EndReason) -> Int { standings.count { $0.standing == .ended(reason) } }
        if count(.timedOut) > tolerance.timedOut { return .tooManyTimedOut }
        if count(.rejected) > tolerance.rejected { return .tooManyRejected }
        if count(.lost) > tolerance.lost { return .tooManyLost }
        return nil
    }
}
