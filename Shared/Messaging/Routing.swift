package import ParityProtocol
package import Store

/// Which message goes where.
package enum Routing {
    package static func submitted(_ task: TaskID) throws -> OutboxMessage {
        try Envelope.outbox(TaskSubmitted(task: task), exchange: Topology.events, routingKey: "task.submitted")
    }

    package static func needed(_ task: TaskID, total: Int) throws -> OutboxMessage {
        try Envelope.outbox(
            ReplicaNeeded(task: task, total: total), exchange: Topology.events, routingKey: "replica.needed")
    }

    package static func evaluate(_ task: TaskID) throws -> OutboxMessage {
        try Envelope.outbox(TaskEvaluate(task: task), exchange: Topology.events, routingKey: "task.evaluate")
    }

    package static func due(_ task: TaskID) throws -> OutboxMessage {
        try Envelope.outbox(PayoutDue(task: task), exchange: Topology.events, routingKey: "payout.due")
    }

    package static func decided(_ task: TaskID, state: TaskState) throws -> OutboxMessage {
        try Envelope.outbox(
            TaskDecided(task: task, verdict: state.rawValue), exchange: Topology.events, routingKey: "task.decided",
            isMandatory: false)
    }

    package static func diverged(_ task: TaskID) throws -> OutboxMessage {
        try Envelope.outbox(TaskDiverged(task: task), exchange: Topology.events, routingKey: "task.diverged")
    }

    package static func expectationDue(_ task: TaskID) throws -> OutboxMessage {
        try Envelope.outbox(ExpectationDue(task: task), exchange: Topology.events, routingKey: "expectation.due")
    }

    package static func settled(_ task: TaskID, paid: Amount, refunded: Amount) throws -> OutboxMessage {
        try Envelope.outbox(
            PayoutSettled(task: task, paid: paid, refunded: refunded), exchange: Topology.events,
            routingKey: "payout.settled", isMandatory: false)
    }

    package static func offer(_ offer: Offer, taskClass: String, lane: Int) throws -> OutboxMessage {
        try Envelope.outbox(
            offer, exchange: Topology.work, routingKey: Topology.laneQueue(taskClass: taskClass, lane: lane))
    }

    package static func build(_ offer: BuildOffer) throws -> OutboxMessage {
        try Envelope.outbox(
            offer, exchange: Topology.work, routingKey: Topology.buildQueue(platform: offer.platform))
    }

    /// An answer to a runner. Not mandatory: the queue of a runner that is gone for good is gone too.
    package static func toRunner(_ body: some MessageBody, _ runner: RunnerID) throws -> OutboxMessage {
        try Envelope.outbox(
            body, exchange: Topology.work, routingKey: Topology.controlQueue(of: runner.description),
            isMandatory: false)
    }
}
