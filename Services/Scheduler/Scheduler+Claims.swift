import AMQPClient
import Foundation
import Logging
import Messaging
package import ParityProtocol
import PostgresClient
import Store

extension Scheduler {
    /// Answers a claim: a grant, or a refusal that says why.
    package func answer(_ claim: Claim, message: MessageID) async throws {
        try await withTask(claim.id.task, message: message) { task, transaction in
            guard let runner = try await Runners.identity(of: claim.runner, in: transaction) else {
                // Nobody to answer.
                throw MalformedMessage("claims for a runner that is not registered")
            }
            if !runner.isDisqualified, !task.state.isFinal,
                let token = try await Replicas.heldToken(
                    claim.id, of: claim.runner, lease: policy.lease, in: transaction)
            {
                // The first answer is late or was lost: a claim may be repeated like every other message.
                return [try grantMessage(claim, token: token)]
            }
            if let reason = try await refusal(of: claim, task, runner, in: transaction) {
                return try await refuse(claim, reason, task, in: transaction)
            }
            return try await grant(claim, to: runner, task, in: transaction)
        }
    }

    private func refusal(
        of claim: Claim, _ task: Tasks.Row, _ runner: Runners.Identity, in transaction: PostgresTransaction
    ) async throws -> Refusal.Reason? {
        if runner.isDisqualified { return .disqualified }
        if task.state.isFinal { return .cancelled }
        let replica = try await Replicas.all(of: task.id, in: transaction).first { $0.replica == claim.id.replica }
        guard let replica, replica.attempt == claim.id.attempt else { return .stale }
        switch replica.state {
        case .offered where try await Runners.isPaused(claim.runner, in: transaction): return .paused
        case .offered: break
        case .granted: return .taken
        case .cancelled: return .cancelled
        case .waiting, .completed, .lost: return .stale
        }
        // Whoever could take offers off other lanes could choose whose work to do.
        guard let lane = replica.lane,
            try await Runners.serves(claim.runner, taskClass: task.taskClass, lane: lane, in: transaction)
        else { return .stale }
        let isBound = try await Replicas.bindOwner(
            runner.owner, to: claim.id.replica, of: task.id, in: transaction)
        return isBound ? nil : .ownerConflict
    }

    private func refuse(
        _ claim: Claim, _ reason: Refusal.Reason, _ task: Tasks.Row, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        logger.debug(
            "Refused a claim",
            metadata: ["attempt": "\(claim.id)", "runner": "\(claim.runner)", "reason": "\(reason.rawValue)"])
        let answer = try Routing.toRunner(Refusal(id: claim.id, reason: reason), claim.runner)
        // The offer was taken off its lane by one who may not have it; another must get it.
        guard [.ownerConflict, .disqualified, .paused].contains(reason) else { return [answer] }
        let replica = try await Replicas.all(of: task.id, in: transaction).first { $0.replica == claim.id.replica }
        guard let replica, replica.state == .offered, replica.attempt == claim.id.attempt else { return [answer] }
        return [answer]
            + (try await offerAgain(replica, of: task, reason: reason.rawValue, mayStay: false, in: transaction))
    }

    private func grant(
        _ claim: Claim, to runner: Runners.Identity, _ task: Tasks.Row, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        let token = [UInt8].random(count: 16).hexadecimal
        guard
            try await Replicas.grant(
                claim.id, to: claim.runner, owner: runner.owner, token: token, lease: policy.lease, in: transaction)
        else { return [try Routing.toRunner(Refusal(id: claim.id, reason: .stale), claim.runner)] }
        try await Tasks.markRunning(task.id, in: transaction)
        try await TaskEvents.append(
            [
                .init(
                    .replicaGranted,
                    [
                        "replica": .integer(Int64(claim.id.replica)), "attempt": .integer(Int64(claim.id.attempt)),
                        "runner": .string(claim.runner.description),
                    ])
            ], to: task.id, in: transaction)
        logger.info(
            "Granted", metadata: ["task": "\(task.id)", "replica": "\(claim.id.replica)", "runner": "\(claim.runner)"])
        return [try grantMessage(claim, token: token)]
    }

    private func grantMessage(_ claim: Claim, token: String) throws -> OutboxMessage {
        try Routing.toRunner(
            Grant(id: claim.id, token: token, leaseMilliseconds: policy.lease.milliseconds), claim.runner)
    }

    /// Notes that a runner lives and renews what it holds.
    package func take(_ heartbeat: Heartbeat) async throws {
        guard (0...Heartbeat.maximumSequence).contains(heartbeat.sequence) else {
            throw MalformedMessage("has a sequence that no heartbeat reaches")
        }
        let (hearing, held) = try await pool.transaction { transaction -> (Runners.Hearing, [AttemptID]) in
            let hearing = try await Runners.seen(heartbeat, lease: policy.lease, in: transaction)
            if hearing == .stale { return (hearing, []) }
            // From the rows: a runner that goes has often dropped its own list already. And here, not later: what the
            // runner's next life is granted is none of this one's.
            if heartbeat.leaving {
                return (hearing, try await Backlog.granted(to: heartbeat.runner, limit: 1024, in: transaction))
            }
            guard hearing == .heard else { return (hearing, []) }
            // Bounded: nobody holds more than its slots.
            let held = Array(heartbeat.held.prefix(1024))
            return (hearing, try await Replicas.renew(held, of: heartbeat.runner, lease: policy.lease, in: transaction))
        }
        if hearing == .stale {
            logger.debug("A heartbeat came late", metadata: ["runner": "\(heartbeat.runner)"])
        } else if heartbeat.leaving {
            try await restartBuilds(of: heartbeat.runner)
            for id in held {
                try await endLease(of: id, runner: heartbeat.runner, reason: "runner_left", mustBeOver: false)
            }
        } else {
            await answer(heartbeat, renewed: held)
        }
    }

    /// Sent past the outbox: a lost renewal is made good by the next.
    private func answer(_ heartbeat: Heartbeat, renewed: [AttemptID]) async {
        let renewal = Renewal(
            sequence: heartbeat.sequence, leaseMilliseconds: policy.lease.milliseconds, renewed: renewed)
        do {
            let message = try Envelope.message(
                renewal, exchange: Topology.work, routingKey: Topology.controlQueue(of: heartbeat.runner.description),
                isMandatory: false)
            try await publisher.publish(message)
        } catch {
            logger.debug("A renewal could not be sent", metadata: ["error": "\(error)"])
        }
    }

    /// Ends the lease of a granted attempt whose time is over (or that its runner gave back, or may not hold any more), and
    /// offers the replica again or, after too many, counts it as lost.
    func endLease(of id: AttemptID, runner: RunnerID, reason: String, mustBeOver: Bool) async throws {
        try await withTask(id.task) { task, transaction in
            let replica = try await Replicas.all(of: id.task, in: transaction).first { $0.replica == id.replica }
            guard let replica, replica.state == .granted, replica.attempt == id.attempt, replica.runner == runner else {
                return []
            }
            if mustBeOver, !replica.isLeaseOver {
                let holder = try await Runners.identity(of: runner, in: transaction)
                guard holder?.isDisqualified ?? true else { return [] }
            }
            try await Replicas.endAttempt(id, reason: reason, in: transaction)
            logger.info(
                "A lease ended",
                metadata: [
                    "task": "\(id.task)", "replica": "\(id.replica)", "runner": "\(runner)", "reason": "\(reason)",
                ])
            var messages = [try Routing.toRunner(Cancel(id: id), runner)]
            if task.state.isFinal || replica.grants >= policy.maximumGrants {
                try await Replicas.close(id.replica, of: id.task, as: .lost, in: transaction)
                try await TaskEvents.append(
                    [.init(.replicaLost, ["replica": .integer(Int64(id.replica)), "reason": .string(reason)])],
                    to: id.task, in: transaction)
                messages.append(try Routing.evaluate(id.task))
            } else {
                messages += try await offerAgain(
                    replica, of: task, reason: reason, mayStay: reason == "lease_ended", in: transaction)
            }
            return messages
        }
    }
}

extension [UInt8] {
    /// Bytes from the system's generator, which is fit for secrets.
    static func random(count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}
