package import Logging
import Messaging
import ParityProtocol
import PostgresClient
import ServiceLifecycle
import Store

/// Looks at the rows again and again for what should be under way and is not: leases that ended, offers that nobody
/// took, lanes that lost their runners, messages that never came. Every step checks again under the task's lock, so any
/// number of schedulers may tick at once.
package struct SchedulerTick: Service {
    let scheduler: Scheduler
    let interval: Duration
    let logger: Logger
    private static let batch = 100
    /// Reminders repeat only this often, in ticks.
    private static let reminderTicks = 5
    private static let inboxAge: Duration = .seconds(30 * 86_400)

    package init(scheduler: Scheduler, interval: Duration, logger: Logger) {
        self.scheduler = scheduler
        self.interval = interval
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            var count = 0
            while !Task.isCancelled {
                do {
                    try await tick(reminding: count % Self.reminderTicks == 0)
                } catch is CancellationError {
                    return
                } catch {
                    logger.debug("A tick failed and will be repeated", metadata: ["error": "\(error)"])
                }
                count += 1
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// One look at everything.
    package func tick(reminding: Bool) async throws {
        let pool = scheduler.pool
        let lease = scheduler.policy.lease
        for (id, runner) in try await pool.withConnection({ try await Backlog.endedLeases(limit: Self.batch, in: $0) })
        {
            try await scheduler.endLease(of: id, runner: runner, reason: "lease_ended", mustBeOver: true)
        }
        for id in try await pool.withConnection({
            try await Backlog.deserted(lease: lease, limit: Self.batch, in: $0)
        }) {
            try await scheduler.moveOffer(id, reason: "lane_left", mayStay: false)
        }
        for id in try await pool.withConnection({ try await Backlog.unclaimed(limit: Self.batch, in: $0) }) {
            try await scheduler.moveOffer(id, reason: "unclaimed", mayStay: false)
        }
        for task in try await pool.withConnection({ try await Backlog.unplaced(limit: Self.batch, in: $0) }) {
            try await scheduler.place(task, total: nil)
        }
        guard reminding else { return }
        try await remind()
        _ = try await pool.withConnection {
            try await Inbox.prune(olderThan: Self.inboxAge, limit: 1000, in: $0)
        }
    }

    /// Sends again what may have been lost.
    private func remind() async throws {
        try await scheduler.pool.transaction { transaction in
            var messages: [OutboxMessage] = []
            for task in try await Backlog.unjudged(limit: Self.batch, in: transaction) {
                messages.append(try Routing.evaluate(task))
            }
            for task in try await Backlog.unsettled(limit: Self.batch, in: transaction) {
                messages.append(try Routing.due(task))
            }
            for task in try await Backlog.unexplained(limit: Self.batch, in: transaction) {
                messages.append(try Routing.diverged(task))
            }
            try await Outbox.insert(messages, in: transaction)
        }
        scheduler.relay.wake()
    }
}

extension Scheduler {
    /// Moves an offer that stands where nobody takes it.
    func moveOffer(_ id: AttemptID, reason: String, mayStay: Bool) async throws {
        try await withTask(id.task) { task, transaction in
            let replica = try await Replicas.all(of: id.task, in: transaction).first { $0.replica == id.replica }
            guard !task.state.isFinal, let replica, replica.state == .offered, replica.attempt == id.attempt else {
                return []
            }
            return try await offerAgain(replica, of: task, reason: reason, mayStay: mayStay, in: transaction)
        }
    }
}
