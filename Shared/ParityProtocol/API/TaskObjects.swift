/// A task as the API shows it.
package struct TaskObject: Codable, Sendable, Equatable {
    package var id: TaskID
    package var state: TaskState
    package var spec: JSONValue
    package var specDigest: Digest
    package var taskClass: String
    package var reward: Amount
    package var createdAt: String
    package var decidedAt: String?
    package var replicas: [ReplicaObject]
    package var verdict: VerdictObject?
    /// Shares and refund are booked.
    package var settled: Bool
    package var paid: Amount?
    package var refunded: Amount?
    /// The verified output did not meet the spec's `expect`; nil as long as that is not known.
    package var expectationFailed: Bool?
    /// What it did not meet, where something failed.
    package var expectationFailures: [ExpectationFailure]?
    /// What its results differ in, where they do; the whole report is `GET /v1/tasks/{id}/divergence`.
    package var divergence: DivergenceSummary?
    /// How its image was built; nil for a task that brought one.
    package var build: BuildObject?

    enum CodingKeys: String, CodingKey {
        case id, state, spec, reward, replicas, verdict, settled, paid, refunded, divergence, build
        case specDigest = "spec_digest"
        case taskClass = "class"
        case createdAt = "created_at"
        case decidedAt = "decided_at"
        case expectationFailed = "expectation_failed"
        case expectationFailures = "expectation_failures"
    }

    package init(
        id: TaskID, state: TaskState, spec: JSONValue, specDigest: Digest, taskClass: String, reward: Amount,
        createdAt: String, decidedAt: String?, replicas: [ReplicaObject], verdict: VerdictObject?, settled: Bool,
        paid: Amount?, refunded: Amount?, expectationFailures: [ExpectationFailure]?,
        divergence: DivergenceSummary? = nil, build: BuildObject? = nil
    ) {
        self.id = id
        self.state = state
        self.spec = spec
        self.specDigest = specDigest
        self.taskClass = taskClass
        self.reward = reward
        self.createdAt = createdAt
        self.decidedAt = decidedAt
        self.replicas = replicas
        self.verdict = verdict
        self.settled = settled
        self.paid = paid
        self.refunded = refunded
        expectationFailed = expectationFailures.map { !$0.isEmpty }
        self.expectationFailures = expectationFailures?.isEmpty == true ? nil : expectationFailures
        self.divergence = divergence
        self.build = build
    }
}

package enum TaskState: String, Codable, Sendable, CaseIterable {
    /// A builder makes its image.
    case building
    case queued, running, verified
    case noConsensus = "no_consensus"
    case failed, cancelled

    package var isFinal: Bool {
        switch self {
        case .building, .queued, .running: false
        case .verified, .noConsensus, .failed, .cancelled: true
        }
    }
}

/// One replica of a task as the API shows it.
package struct ReplicaObject: Codable, Sendable, Equatable {
    package var replica: Int
    package var lane: Int?
    package var runner: RunnerID?
    package var state: ReplicaState
    package var attempt: Int
    package var outcome: Outcome?
    package var outputDigest: Digest?
    package var exitCode: Int?
    /// Whether it voted for the verified output; nil before a verdict.
    package var matched: Bool?
    package var paid: Amount?
    /// The last of stderr, or why it could not run.
    package var detail: String?

    enum CodingKeys: String, CodingKey {
        case replica, lane, runner, state, attempt, outcome, matched, paid, detail
        case outputDigest = "output_digest"
        case exitCode = "exit_code"
    }

    package init(
        replica: Int, lane: Int?, runner: RunnerID?, state: ReplicaState, attempt: Int, outcome: Outcome?,
        outputDigest: Digest?, exitCode: Int?, matched: Bool?, paid: Amount?, detail: String?
    ) {
        self.replica = replica
        self.lane = lane
        self.runner = runner
        self.state = state
        self.attempt = attempt
        self.outcome = outcome
        self.outputDigest = outputDigest
        self.exitCode = exitCode
        self.matched = matched
        self.paid = paid
        self.detail = detail
    }
}

package enum ReplicaState: String, Codable, Sendable, CaseIterable {
    /// No lane could be found for it yet.
    case waiting
    /// It waits on a lane.
    case offered
    /// A runner holds its lease.
    case granted
    /// A result of a granted attempt closed it.
    case completed
    /// It ended without a result: every try at it was lost.
    case lost
    /// It was not needed any more.
    case cancelled

    package var isOpen: Bool { self == .waiting || self == .offered || self == .granted }
}

package struct VerdictObject: Codable, Sendable, Equatable {
    package var kind: VerdictKind
    /// The output that was accepted; nil unless verified.
    package var outputDigest: Digest?
    package var outcome: Outcome?
    package var exitCode: Int?
    /// Why it failed; nil unless failed.
    package var reason: String?

    enum CodingKeys: String, CodingKey {
        case kind, outcome, reason
        case outputDigest = "output_digest"
        case exitCode = "exit_code"
    }

    package init(kind: VerdictKind, outputDigest: Digest?, outcome: Outcome?, exitCode: Int?, reason: String?) {
        self.kind = kind
        self.outputDigest = outputDigest
        self.outcome = outcome
        self.exitCode = exitCode
        self.reason = reason
    }
}

package enum VerdictKind: String, Codable, Sendable, CaseIterable {
    case verified
    case noConsensus = "no_consensus"
    case failed
}

/// One page of a list; `nextCursor` is nil on the last.
package struct Page<Item: Codable & Sendable>: Codable, Sendable {
    package var items: [Item]
    package var nextCursor: String?

    enum CodingKeys: String, CodingKey {
        case items
        case nextCursor = "next_cursor"
    }

    package init(items: [Item], nextCursor: String?) {
        self.items = items
        self.nextCursor = nextCursor
    }
}
