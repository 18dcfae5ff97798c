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
            try await rest(of: task, in: transaction)
        }
        let replicas = try await Replicas.all(of: task.id, in: transaction)
        var messages: [OutboxMessage] = []
        if !task.isSettled, !replicas.contains(where: \.state.isOpen) { messages.append(try Routing.due(task.id)) }
        if task.state != .cancelled, try await Divergences.note(task.id, in: transaction) {
            messages.append(try Routing.diverged(task.id))
        }
        try await Outbox.insert(messages, in: transaction)
    }

    /// True if there is a verdict now.
    private func decide(_ task: Tasks.Row, in transaction: PostgresTransaction) async throws -> Bool {
        if task.state == .building { return try await decideBuilding(task, in: transaction) }
        let replicas = try await Replicas.all(of: task.id, in: transaction)
        let decision = Consensus.decide(
            replicas.map(Self.standing), rules: task.rules, tolerance: policy.tolerance)
        switch decision {
        case .verified(let ballot, _):
            try await conclude(
                task, replicas, state: .verified, kind: .verified, ballot: ballot, reason: nil, in: transaction)
        case .noConsensus:
            try await conclude(
                task, replicas, state: .noConsensus, kind: .noConsensus, ballot: nil, reason: nil, in: transaction)
        case .failed(let reason):
            try await conclude(
                task, replicas, state: .failed, kind: .failed, ballot: nil, reason: reason, in: transaction)
        case .undecided(let total):
            if task.isOverdue {
                try await conclude(
                    task, replicas, state: .failed, kind: .failed, ballot: nil, reason: .deadline, in: transaction)
                return true
            }
            if total > replicas.count {
                try await Outbox.insert([try Routing.needed(task.id, total: total)], in: transaction)
            }
            return false
        }
        return true
    }

    /// A task without an image has no votes: it can only fail.
    private func decideBuilding(_ task: Tasks.Row, in transaction: PostgresTransaction) async throws -> Bool {
        let waiting = try await Builds.waiting(task.id, in: transaction)
        let build = if let waiting { try await Builds.find(waiting.build, in: transaction) } else { Builds.Row?.none }
        guard build?.state == .failed || task.isOverdue else { return false }
        try await conclude(
            task, [], state: .failed, kind: .failed, ballot: nil,
            reason: build?.state == .failed ? .buildFailed : .deadline, in: transaction)
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
        _ task: Tasks.Row, _ replicas: [Replicas.Row], state: TaskState, kind: VerdictKind, ballot: Ballot?,
        reason: Consensus.FailureReason?, in transaction: PostgresTransaction
    ) async throws {
        try await Results.insertVerdict(
            task.id, kind: kind, ballot: ballot, reason: reason?.rawValue, in: transaction)
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
        data["camps"] = Self.camps(of: replicas)
        data["output_digest"] = ballot.map { .string($0.digest.description) }
        data["reason"] = reason.map { .string($0.rawValue) }
        if let ballot {
            messages += try Self.decided(replicas, of: task.id)
            if let failures = try await noteExpectations(of: task.id, for: ballot, in: transaction) {
                data.merge(failures.eventData) { _, new in new }
            } else {
                messages.append(try Routing.expectationDue(task.id))
            }
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

    /// Tells runners that still run a verified task that it is.
    private static func decided(_ replicas: [Replicas.Row], of task: TaskID) throws -> [OutboxMessage] {
        try replicas.compactMap { replica in
            guard replica.state == .granted, let runner = replica.runner else { return nil }
            let id = AttemptID(task: task, replica: replica.replica, attempt: replica.attempt)
            return try Routing.toRunner(Decided(id: id), runner)
        }
    }

    /// Who voted for what, the largest camp first; nil while all agree.
    private static func camps(of replicas: [Replicas.Row]) -> JSONValue? {
        let camps = Dictionary(grouping: replicas.filter { $0.ballot != nil }, by: \.ballot)
        guard camps.count > 1 else { return nil }
        let sorted = camps.values.sorted { left, right in
            left.count != right.count ? left.count > right.count : left[0].replica < right[0].replica
        }
        return .array(
            sorted.map { camp in
                var members: [String: JSONValue] = [
                    "replicas": .array(camp.map { .integer(Int64($0.replica)) })
                ]
                members["outcome"] = camp[0].outcome.map { .string($0.rawValue) }
                members["output_digest"] = camp[0].outputDigest.map { .string($0.description) }
                return .object(members)
            })
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

    /// Gives runners a rest that failed again and again at what others could do. A task that fails everywhere says
    /// nothing of them.
    private func rest(of task: Tasks.Row, in transaction: PostgresTransaction) async throws {
        let failed = Set(try await Results.markFailures(of: task.id, in: transaction))
        for runner in failed.sorted(by: { $0.description < $1.description }) {
            let history = try await Results.recentFailures(of: runner, limit: policy.pauses.window, in: transaction)
            guard let rest = policy.pauses.rest(after: history) else { continue }
            try await Runners.pause(runner, for: rest, in: transaction)
            Counter(label: "parity_runners_paused_total").increment()
            logger.warning(
                "A runner fails again and again and rests",
                metadata: ["runner": "\(runner)", "seconds": "\(rest.components.seconds)"])
        }
    }
}
