import Logging
import Messaging
import Metrics
import ParityProtocol
import PostgresClient
import Store

extension Verifier {
    /// Decides the task if it can be decided, settles what late results mean, and says when the payout is due. Level
    /// triggered: it reads the rows, so it may run at any time and any number of times.
    func judge(_ task: Tasks.Row, in transaction: PostgresTransaction) async throws {
        var isFinal = task.state.isFinal
        if !isFinal { isFinal = try await decide(task, in: transaction) }
        guard isFinal else { return }
        if let ballot = try await Results.verifiedBallot(of: task.id, in: transaction) {
            try await mark(ballot, task, in: transaction)
        }
        let replicas = try await Replicas.all(of: task.id, in: transaction)
        if !task.isSettled, !replicas.contains(where: \.state.isOpen) {
            try await Outbox.insert([try Routing.due(task.id)], in: transaction)
        }
    }

    /// True if there is a verdict now.
    private func decide(_ task: Tasks.Row, in transaction: PostgresTransaction) async throws -> Bool {
        let replicas = try await Replicas.all(of: task.id, in: transaction)
        let decision = Consensus.decide(
            replicas.map(Self.standing), rules: task.rules, tolerance: policy.tolerance)
        switch decision {
        case .verified(let ballot, let winners):
            let exitCode = replicas.first { winners.contains($0.replica) }?.exitCode
            try await conclude(
                task, state: .verified, kind: .verified, ballot: ballot, exitCode: exitCode, reason: nil,
                in: transaction)
        case .noConsensus:
            try await conclude(
                task, state: .noConsensus, kind: .noConsensus, ballot: nil, exitCode: nil, reason: nil,
                in: transaction)
        case .failed(let reason):
            try await conclude(
                task, state: .failed, kind: .failed, ballot: nil, exitCode: nil, reason: reason, in: transaction)
        case .undecided(let total):
            if task.isOverdue {
                try await conclude(
                    task, state: .failed, kind: .failed, ballot: nil, exitCode: nil, reason: .deadline,
                    in: transaction)
                return true
            }
            if total > replicas.count {
                try await Outbox.insert([try Routing.needed(task.id, total: total)], in: transaction)
            }
            return false
        }
        return true
    }

    private static func standing(_ replica: Replicas.Row) -> ReplicaStanding {
        let standing: ReplicaStanding.Standing
        switch (replica.state, replica.outcome) {
        case (.waiting, _), (.offered, _), (.granted, _): standing = .open
        case (.completed, .timedOut): standing = .ended(.timedOut)
        case (.completed, .rejected): standing = .ended(.rejected)
        case (.completed, _): standing = replica.ballot.map { .voted($0) } ?? .ended(.lost)
        case (.lost, _): standing = .ended(.lost)
        case (.cancelled, _): standing = .ended(.cancelled)
        }
        return ReplicaStanding(replica: replica.replica, owner: replica.owner, standing: standing)
    }

    private func conclude(
        _ task: Tasks.Row, state: TaskState, kind: VerdictKind, ballot: Ballot?, exitCode: Int?,
        reason: Consensus.FailureReason?, in transaction: PostgresTransaction
    ) async throws {
        try await Results.insertVerdict(
            task.id, kind: kind, ballot: ballot, exitCode: exitCode, reason: reason?.rawValue, in: transaction)
        guard try await Tasks.decide(task.id, state: state, in: transaction) else {
            throw PostgresError(code: .server, message: "task \(task.id) was decided under its own lock")
        }
        // After a verified verdict granted replicas may finish and are paid if they match; else they work for nothing.
        let cancelled = try await Replicas.cancelOpen(of: task.id, granted: kind != .verified, in: transaction)
        var messages = [try Routing.decided(task.id, state: state)]
        var events: [TaskEvents.Entry] = []
        for (id, runner) in cancelled {
            events.append(.init(.replicaCancelled, ["replica": .integer(Int64(id.replica))]))
            if let runner { messages.append(try Routing.toRunner(Cancel(id: id), runner)) }
        }
        var data: [String: JSONValue] = ["verdict": .string(kind.rawValue)]
        data["output_digest"] = ballot.map { .string($0.digest.description) }
        data["reason"] = reason.map { .string($0.rawValue) }
        if let ballot {
            data["expectation_failed"] = .bool(
                ballot.outcome != .completed || exitCode != task.expectedExitCode)
        }
        events.append(.init(.taskDecided, .object(data)))
        try await TaskEvents.append(events, to: task.id, in: transaction)
        try await Outbox.insert(messages, in: transaction)
        Counter(label: "parity_verdicts_total", dimensions: [("kind", kind.rawValue)]).increment()
        logger.info(
            "Verdict",
            metadata: [
                "task": "\(task.id)", "verdict": "\(kind.rawValue)", "digest": "\(ballot?.digest.description ?? "-")",
                "reason": "\(reason?.rawValue ?? "-")",
            ])
    }

    /// Notes who matched, and disqualifies who mismatches consistently.
    private func mark(_ ballot: Ballot, _ task: Tasks.Row, in transaction: PostgresTransaction) async throws {
        for runner in try await Results.markMatches(with: ballot, of: task.id, in: transaction).sorted(by: {
            $0.description < $1.description
        }) {
            let history = try await Results.recentMismatches(
                of: runner, limit: policy.strikes.window, in: transaction)
            logger.warning("A runner mismatched", metadata: ["task": "\(task.id)", "runner": "\(runner)"])
            guard policy.strikes.disqualifies(history) else { continue }
            try await Runners.disqualify(runner, in: transaction)
            Counter(label: "parity_runners_disqualified_total").increment()
            logger.warning("A runner was disqualified", metadata: ["runner": "\(runner)"])
        }
    }
}
