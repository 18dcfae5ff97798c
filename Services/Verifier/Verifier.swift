package import AMQPClient
import Foundation
package import Logging
package import Messaging
import Metrics
package import ParityProtocol
package import PostgresClient
package import ServiceLifecycle
import Store

/// The verifier's core: takes results in and decides tasks, each in one transaction under the task's lock.
package struct Verifier: Sendable {
    let pool: PostgresPool
    let relay: OutboxRelay
    let policy: VerifierPolicy
    let logger: Logger

    package init(pool: PostgresPool, relay: OutboxRelay, policy: VerifierPolicy, logger: Logger) {
        self.pool = pool
        self.relay = relay
        self.policy = policy
        self.logger = logger
    }

    /// The queues that it works off.
    package func loops(on consumer: AMQPConsumer) -> [any Service] {
        typealias Queue = Topology.ServiceQueue
        return [
            ConsumerLoop(
                queue: Queue.verifierResults.rawValue, consumer: consumer, concurrency: 4, logger: logger
            ) { delivery, id in
                guard let result = try Envelope.decode(ResultMessage.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                try await take(result, message: id)
            },
            ConsumerLoop(
                queue: Queue.verifierTasks.rawValue, consumer: consumer, concurrency: 2, logger: logger
            ) { delivery, id in
                guard let message = try Envelope.decode(TaskEvaluate.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                try await evaluate(message.task, message: id)
            },
        ]
    }

    /// Looks at a task's rows and decides what can be decided.
    package func evaluate(_ id: TaskID, message: MessageID) async throws {
        try await pool.transaction { transaction in
            guard try await Inbox.accept(message, by: "verifier", in: transaction),
                let task = try await Tasks.lock(id, in: transaction)
            else { return }
            try await judge(task, in: transaction)
        }
        relay.wake()
    }

    /// Takes one signed result in: as the vote that closes its replica, or as evidence only.
    package func take(_ result: ResultMessage, message: MessageID) async throws {
        let outcome = try await pool.transaction { transaction -> Outcome? in
            guard try await Inbox.accept(message, by: "verifier", in: transaction) else { return nil }
            guard let task = try await Tasks.lock(result.id.task, in: transaction) else {
                throw MalformedMessage("is for a task that is not known")
            }
            guard let attempt = try await Results.attempt(result.id, in: transaction) else {
                throw MalformedMessage("is for an attempt that was never granted")
            }
            let statement = try verified(result, against: attempt)
            try await book(statement, of: result, attempt, task, in: transaction)
            try await judge(task, in: transaction)
            return statement.outcome
        }
        relay.wake()
        guard let outcome else { return }
        Counter(label: "parity_results_total", dimensions: [("outcome", outcome.rawValue)]).increment()
    }

    /// The statement in the envelope, if the runner that holds the attempt signed it and it says of itself what the
    /// rows say.
    private func verified(
        _ result: ResultMessage, against attempt: Results.Attempt
    ) throws(MalformedMessage) -> ResultStatement {
        guard result.envelope.payloadType == SignedEnvelope.inTotoPayloadType,
            let payload = result.envelope.payload(verifiedBy: attempt.runnerKey)
        else { throw MalformedMessage("is not signed by the runner that was granted the attempt") }
        guard let statement = ResultStatement(payload: payload) else {
            throw MalformedMessage("does not hold a well-formed result statement")
        }
        let said = AttemptID(task: statement.task, replica: statement.replica, attempt: statement.attempt)
        guard said == result.id, statement.attemptToken == attempt.token, statement.runnerKey == attempt.runnerKey,
            statement.specDigest == attempt.specDigest
        else { throw MalformedMessage("states another assignment than the one that was granted") }
        return statement
    }

    private func book(
        _ statement: ResultStatement, of result: ResultMessage, _ attempt: Results.Attempt, _ task: Tasks.Row,
        in transaction: PostgresTransaction
    ) async throws {
        let replica = try await Replicas.all(of: task.id, in: transaction).first { $0.replica == statement.replica }
        guard let replica else { return }
        let closes = replica.state.isOpen && !attempt.isDisqualified
        let detail = String(decoding: result.detail.utf8.prefix(ResultMessage.maximumDetailBytes), as: UTF8.self)
            .replacing("\0", with: "")
        let envelope = String(decoding: try JSONEncoder().encode(result.envelope), as: UTF8.self)
        guard
            try await Results.insert(
                statement, by: attempt.runner, envelope: envelope, detail: detail, closesReplica: closes,
                in: transaction), closes
        else { return }
        try await Replicas.endAttempt(result.id, reason: "result", in: transaction)
        if let holder = replica.runner, replica.state == .granted, replica.attempt != statement.attempt {
            // An earlier attempt, whose lease had ended, was first all the same: the present one may stop.
            let id = AttemptID(task: task.id, replica: replica.replica, attempt: replica.attempt)
            try await Replicas.endAttempt(id, reason: "overtaken", in: transaction)
            try await Outbox.insert([try Routing.toRunner(Cancel(id: id), holder)], in: transaction)
        }
        try await Results.closeReplica(
            statement, runner: attempt.runner, owner: attempt.owner, detail: detail, in: transaction)
        try await TaskEvents.append(
            [.init(.replicaResult, eventData(statement, attempt.runner))], to: task.id, in: transaction)
        logger.info(
            "Result",
            metadata: [
                "task": "\(task.id)", "replica": "\(statement.replica)", "runner": "\(attempt.runner)",
                "outcome": "\(statement.outcome.rawValue)", "digest": "\(statement.outputDigest?.description ?? "-")",
            ])
    }

    private func eventData(_ statement: ResultStatement, _ runner: RunnerID) -> JSONValue {
        var data: [String: JSONValue] = [
            "replica": .integer(Int64(statement.replica)), "attempt": .integer(Int64(statement.attempt)),
            "runner": .string(runner.description), "outcome": .string(statement.outcome.rawValue),
        ]
        data["output_digest"] = statement.outputDigest.map { .string($0.description) }
        data["exit_code"] = statement.exitCode.map(JSONValue.integer)
        return .object(data)
    }
}
