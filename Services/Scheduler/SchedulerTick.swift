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
                await tick(reminding: count % Self.reminderTicks == 0)
                count += 1
                try? await Task.sleep(for: interval)
            }
        }
    }

    /// One look at everything. What fails is noted and comes up again; it holds up nothing else.
    package func tick(reminding: Bool) async {
        let lease = scheduler.policy.lease
        await each("ended leases") {
            try await Backlog.endedLeases(limit: Self.batch, in: $0)
        } act: { id, runner in
            try await scheduler.endLease(of: id, runner: runner, reason: "lease_ended", mustBeOver: true)
        }
        await each("deserted lanes") {
            try await Backlog.deserted(lease: lease, limit: Self.batch, in: $0)
        } act: { id in
            try await scheduler.moveOffer(id, reason: "lane_left", mayStay: false)
        }
        await each("unclaimed offers") {
            try await Backlog.unclaimed(limit: Self.batch, in: $0)
        } act: { id in
            try await scheduler.moveOffer(id, reason: "unclaimed", mayStay: false)
        }
        await each("waiting replicas") {
            try await Backlog.unplaced(lease: lease, limit: Self.batch, in: $0)
        } act: { task in
            try await scheduler.place(task, total: nil)
        }
        await tickBuilds()
        guard reminding else { return }
        await noting("reminders") { try await remind() }
        await noting("old inbox entries") {
            _ = try await scheduler.pool.withConnection {
                try await Inbox.prune(olderThan: Self.inboxAge, limit: 1000, in: $0)
            }
        }
    }

    private func each<Item: Sendable>(
        _ what: String, _ find: @Sendable (PostgresConnection) async throws -> [Item],
        act: (Item) async throws -> Void
    ) async {
        var items: [Item] = []
        await noting(what) { items = try await scheduler.pool.withConnection { try await find($0) } }
        for item in items where !Task.isCancelled { await noting(what) { try await act(item) } }
    }

    private func noting(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch is CancellationError {
        } catch {
            // That the database is away is said by the pool.
            let isExpected = (error as? PostgresError)?.isConnectionTrouble ?? false
            logger.log(
                level: isExpected ? .debug : .warning, "A step of the tick failed and will be repeated",
                metadata: ["step": "\(what)", "error": "\(error)"])
        }
    }

    private func tickBuilds() async {
        await each("abandoned builds") {
            try await Backlog.abandonedBuilds(limit: Self.batch, in: $0)
        } act: { build in
            try await scheduler.abandon(build)
        }
        await each("stalled builds") {
            try await Backlog.stalledBuilds(limit: Self.batch, in: $0)
        } act: { build in
            try await scheduler.restart(build)
        }
        await each("tasks that build") {
            try await Backlog.building(limit: Self.batch, in: $0)
        } act: { task in
            try await scheduler.place(task, total: nil)
        }
    }

    /// Sends again what may have been lost.
    private func remind() async throws {
        try await scheduler.pool.transaction { transaction in
            var messages: [OutboxMessage] = []
            for task in try await Backlog.remindUnjudged(limit: Self.batch, in: transaction) {
                messages.append(try Routing.evaluate(task))
            }
            for task in try await Backlog.remindUnsettled(limit: Self.batch, in: transaction) {
                messages.append(try Routing.due(task))
            }
            for task in try await Backlog.remindUnexplained(limit: Self.batch, in: transaction) {
                messages.append(try Routing.diverged(task))
            }
            for task in try await Backlog.remindExpectations(limit: Self.batch, in: transaction) {
                messages.append(try Routing.expectationDue(task))
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
