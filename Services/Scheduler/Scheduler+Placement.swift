import Messaging
package import ParityProtocol
import PostgresClient
import Store

extension Scheduler {
    /// Sees to it that the task has `total` replicas (nil: as many as its spec says), and puts every waiting one on a
    /// lane if there is one.
    package func place(_ id: TaskID, total: Int?, message: MessageID? = nil) async throws {
        try await withTask(id, message: message) { task, transaction in
            guard !task.state.isFinal else { return [] }
            if task.state == .building { return try await advance(task, in: transaction) }
            let wanted = max(0, min(total ?? Int(task.rules.replicas), Int(task.rules.maxReplicas)))
            let new = try await Replicas.ensure(wanted, of: id, in: transaction)
            return try await placeWaiting(task, announcing: Set(new), in: transaction)
        }
    }

    /// Offers each waiting replica on a drawn lane. Those in `announcing` that find none are said to wait.
    func placeWaiting(
        _ task: Tasks.Row, announcing new: Set<Int>, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        let waiting = try await Replicas.all(of: task.id, in: transaction).filter { $0.state == .waiting }
        guard !waiting.isEmpty else { return [] }
        let loads = try await Runners.laneLoads(of: task.taskClass, lease: policy.lease, in: transaction)
        var messages: [OutboxMessage] = []
        var events: [TaskEvents.Entry] = []
        for replica in waiting {
            let claims = try await Replicas.laneClaims(of: task.id, for: replica.replica, in: transaction)
            let lane = draw(claims.candidates(from: loads))
            if let offer = try await offer(replica.replica, of: task, on: lane, in: transaction) {
                messages.append(offer.message)
                events.append(offer.event)
            } else if new.contains(replica.replica) {
                events.append(.init(.replicaWaiting, ["replica": .integer(Int64(replica.replica))]))
            }
        }
        try await TaskEvents.append(events, to: task.id, in: transaction)
        return messages
    }

    private func draw(_ loads: [LaneLoad]) -> Int? {
        var generator = SystemRandomNumberGenerator()
        return LaneDraw.draw(from: loads, using: &generator)
    }

    private func offer(
        _ replica: Int, of task: Tasks.Row, on lane: Int?, in transaction: PostgresTransaction
    ) async throws -> (message: OutboxMessage, event: TaskEvents.Entry)? {
        guard let lane,
            let attempt = try await Replicas.offer(
                replica, of: task.id, on: lane, claimWithin: policy.claimWithin, in: transaction)
        else { return nil }
        let id = AttemptID(task: task.id, replica: replica, attempt: attempt)
        return (
            try Routing.offer(
                Offer(id: id, specDigest: task.specDigest, imageDigest: task.imageDigest), taskClass: task.taskClass,
                lane: lane),
            .init(
                .replicaOffered,
                [
                    "replica": .integer(Int64(replica)), "lane": .integer(Int64(lane)),
                    "attempt": .integer(Int64(attempt)),
                ])
        )
    }

    /// Gives up the present attempt of an open replica and offers it again: on its own lane if that is staffed and
    /// `mayStay`, else on another that the task does not use, else it waits.
    func offerAgain(
        _ replica: Replicas.Row, of task: Tasks.Row, reason: String, mayStay: Bool, in transaction: PostgresTransaction
    ) async throws -> [OutboxMessage] {
        let loads = try await Runners.laneLoads(of: task.taskClass, lease: policy.lease, in: transaction)
        let own = loads.first { $0.lane == replica.lane }
        var lane = mayStay ? own?.lane : nil
        if lane == nil {
            let claims = try await Replicas.laneClaims(of: task.id, for: replica.replica, in: transaction)
            // Who may not have it would take it again and again: then it waits for the next tick.
            let isBarred = [Refusal.Reason.paused, .ownerConflict, .disqualified].map(\.rawValue).contains(reason)
            let stay = isBarred ? nil : own.flatMap { claims.others.contains($0.lane) ? nil : $0.lane }
            lane = draw(claims.candidates(from: loads, leaving: replica.lane)) ?? stay
        }
        var events: [TaskEvents.Entry] = [
            .init(
                .replicaReoffered,
                [
                    "replica": .integer(Int64(replica.replica)), "attempt": .integer(Int64(replica.attempt)),
                    "reason": .string(reason),
                ])
        ]
        var messages: [OutboxMessage] = []
        if let offer = try await offer(replica.replica, of: task, on: lane, in: transaction) {
            messages.append(offer.message)
            events.append(offer.event)
        } else {
            try await Replicas.makeWait(replica.replica, of: task.id, in: transaction)
            events.append(.init(.replicaWaiting, ["replica": .integer(Int64(replica.replica))]))
        }
        try await TaskEvents.append(events, to: task.id, in: transaction)
        return messages
    }
}
