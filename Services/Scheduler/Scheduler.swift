package import AMQPClient
package import Logging
package import Messaging
import Metrics
import ParityProtocol
package import PostgresClient
package import ServiceLifecycle
import Store

/// The scheduler's core: each of its methods is one transaction over one task, and safe to run twice.
package struct Scheduler: Sendable {
    let pool: PostgresPool
    let relay: OutboxRelay
    let publisher: AMQPPublisher
    let policy: SchedulerPolicy
    let logger: Logger

    package init(
        pool: PostgresPool, relay: OutboxRelay, publisher: AMQPPublisher, policy: SchedulerPolicy, logger: Logger
    ) {
        self.pool = pool
        self.relay = relay
        self.publisher = publisher
        self.policy = policy
        self.logger = logger
    }

    /// The queues that it works off.
    package func loops(on consumer: AMQPConsumer) -> [any Service] {
        typealias Queue = Topology.ServiceQueue
        return [
            ConsumerLoop(
                queue: Queue.schedulerTasks.rawValue, consumer: consumer, concurrency: 4, logger: logger
            ) { delivery, id in
                if let message = try Envelope.decode(TaskSubmitted.self, from: delivery) {
                    try await place(message.task, total: nil, message: id)
                } else if let message = try Envelope.decode(ReplicaNeeded.self, from: delivery) {
                    try await place(message.task, total: message.total, message: id)
                } else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
            },
            ConsumerLoop(
                queue: Queue.schedulerClaims.rawValue, consumer: consumer, concurrency: 4, logger: logger
            ) { delivery, id in
                guard let claim = try Envelope.decode(Claim.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                try await answer(claim, message: id)
            },
            ConsumerLoop(
                queue: Queue.schedulerHeartbeats.rawValue, consumer: consumer, concurrency: 2, logger: logger
            ) { delivery, _ in
                guard let heartbeat = try Envelope.decode(Heartbeat.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                try await take(heartbeat)
            },
            ConsumerLoop(
                queue: Queue.schedulerBuilds.rawValue, consumer: consumer, concurrency: 4, logger: logger
            ) { delivery, id in
                if let claim = try Envelope.decode(BuildClaim.self, from: delivery) {
                    try await answer(claim, message: id)
                } else if let progress = try Envelope.decode(BuildProgress.self, from: delivery) {
                    try await take(progress)
                } else if let result = try Envelope.decode(BuildResultMessage.self, from: delivery) {
                    try await take(result, message: id)
                } else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
            },
        ]
    }

    /// Runs `body` with the task locked and sends what it returns; nothing happens for a task that is not there.
    func withTask(
        _ id: TaskID, message: MessageID? = nil,
        _ body: (Tasks.Row, PostgresTransaction) async throws -> [OutboxMessage]
    ) async throws {
        try await pool.transaction { transaction in
            if let message, try await !Inbox.accept(message, by: "scheduler", in: transaction) { return }
            guard let task = try await Tasks.lock(id, in: transaction) else { return }
            let messages = try await body(task, transaction)
            try await Outbox.insert(messages, in: transaction)
        }
        relay.wake()
    }
}
