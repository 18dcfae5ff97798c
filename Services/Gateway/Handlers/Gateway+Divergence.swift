package import AMQPClient
import Hummingbird
import Logging
import Messaging
import ParityProtocol
import PostgresClient
package import ServiceLifecycle
import Store

extension Gateway {
    /// The queues that the gateway works off: tasks whose outputs are to be looked into.
    package func loops(on consumer: AMQPConsumer) -> [any Service] {
        [
            ConsumerLoop(
                queue: Topology.ServiceQueue.gatewayDivergences.rawValue, consumer: consumer, concurrency: 1,
                logger: logger
            ) { delivery, _ in
                guard let message = try Envelope.decode(TaskDiverged.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                _ = try await divergence(of: message.task)
            },
            ConsumerLoop(
                queue: Topology.ServiceQueue.gatewayExpectations.rawValue, consumer: consumer, concurrency: 1,
                logger: logger
            ) { delivery, _ in
                guard let message = try Envelope.decode(ExpectationDue.self, from: delivery) else {
                    throw MalformedMessage("is of no schema that belongs on this queue")
                }
                try await checkExpectations(of: message.task)
            },
        ]
    }

    /// `GET /v1/tasks/{id}/divergence`: what the results of a decided task differ in, and most likely why.
    @Sendable func showDivergence(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let task = try await task(request, context)
        guard task.state.isFinal else {
            throw Problem(
                status: 409, code: "not_decided", title: "Conflict",
                detail: "the task is \(task.state.rawValue); results are compared once it is decided")
        }
        guard let report = try await divergence(of: task.id) else {
            throw Problem(
                status: 404, code: "no_divergence", title: "Not Found",
                detail: "the results of this task do not differ")
        }
        return JSONText.raw(report)
    }

    /// The report on a task, made now unless one stands that covers all results; nil where results do not differ. Any
    /// number of gateways may make it at once: it is the same for the same rows, and is kept and told once.
    private func divergence(of task: TaskID) async throws -> String? {
        guard let row = try await pool.withConnection({ try await Divergences.find(task, in: $0) }) else { return nil }
        guard row.isDue else { return row.report }
        let (report, votes) = try await manifests.pass {
            try await DivergenceReporter(pool: pool, blobs: blobs).report(on: task)
        }
        let text = try JSONText.encode(report)
        let summary = try JSONText.encode(DivergenceSummary(report))
        let isNews = try await pool.transaction { transaction in
            guard try await Tasks.lock(task, in: transaction) != nil,
                try await Divergences.store(text, summary: summary, votes: votes, of: task, in: transaction)
            else { return false }
            let data = try JSONValue.parse(Array(summary.utf8))
            try await TaskEvents.append([.init(.taskDiverged, data)], to: task, in: transaction)
            return true
        }
        if isNews { logger.info("Diverged", metadata: ["task": "\(task)", "summary": "\(report.summary)"]) }
        return text
    }
}
