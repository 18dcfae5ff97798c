package import AMQPClient
import ParityProtocol
import Store

/// Exchanges, queues and routing keys: the one place where they are named.
package enum Topology {
    /// topic: what happened. Services' queues and whoever listens are bound here.
    package static let events = "parity.events"
    /// direct: offers to lanes, answers to runners.
    package static let work = "parity.work"
    /// topic: what runners send. They may write nowhere else.
    package static let inbound = "parity.inbound"
    /// direct: what a queue gave up.
    static let dead = "parity.dead"

    /// The queues of the services, with what they are bound to.
    package enum ServiceQueue: String, CaseIterable, Sendable {
        case schedulerTasks = "parity.scheduler.tasks"
        case schedulerClaims = "parity.scheduler.claims"
        case schedulerHeartbeats = "parity.scheduler.heartbeats"
        case schedulerBuilds = "parity.scheduler.builds"
        case verifierResults = "parity.verifier.results"
        case verifierTasks = "parity.verifier.tasks"
        case payoutDue = "parity.payout.due"
        case gatewayDivergences = "parity.gateway.divergences"
        case gatewayExpectations = "parity.gateway.expectations"

        var bindings: [AMQPQueue.Binding] {
            switch self {
            case .schedulerTasks:
                [
                    .init(exchange: events, routingKey: "task.submitted"),
                    .init(exchange: events, routingKey: "replica.needed"),
                ]
            case .schedulerClaims: [.init(exchange: inbound, routingKey: "claim.*")]
            case .schedulerHeartbeats: [.init(exchange: inbound, routingKey: "heartbeat.*")]
            case .schedulerBuilds: [.init(exchange: inbound, routingKey: "build.*")]
            case .verifierResults: [.init(exchange: inbound, routingKey: "result.*")]
            case .verifierTasks: [.init(exchange: events, routingKey: "task.evaluate")]
            case .payoutDue: [.init(exchange: events, routingKey: "payout.due")]
            case .gatewayDivergences: [.init(exchange: events, routingKey: "task.diverged")]
            case .gatewayExpectations: [.init(exchange: events, routingKey: "expectation.due")]
            }
        }
    }

    package static func laneQueue(taskClass: String, lane: Int) -> String { "lane.\(taskClass).\(lane)" }

    /// Where builds for a platform wait for any builder.
    package static func buildQueue(platform: String) -> String { "builds.\(platform)" }

    package static func controlQueue(of runner: String) -> String { "runner.\(runner)" }

    /// Where what `queue` gave up waits for a person.
    package static func deadQueue(of queue: String) -> String { queue + ".dead" }

    /// A message that comes back this often without an answer is set aside.
    private static let deliveryLimit: Int64 = 20
    /// A queue that grows beyond this refuses, and the sender keeps the message in its outbox.
    private static let maximumLength: Int64 = 1_000_000

    /// A durable quorum queue whose failures go to its own dead-letter queue, at least once. That strategy needs
    /// reject-publish: with drop-head the broker silently falls back to at most once.
    static func workQueue(_ name: String, bindings: [AMQPQueue.Binding]) -> AMQPQueue {
        AMQPQueue(
            name: name,
            arguments: [
                "x-queue-type": "quorum", "x-delivery-limit": .int64(deliveryLimit),
                "x-dead-letter-exchange": .string(dead), "x-dead-letter-routing-key": .string(name),
                "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish",
                "x-max-length": .int64(maximumLength),
            ], bindings: bindings)
    }

    private static func deadLetterQueue(of name: String) -> AMQPQueue {
        AMQPQueue(
            name: deadQueue(of: name), arguments: ["x-queue-type": "quorum", "x-max-length": .int64(100_000)],
            bindings: [.init(exchange: dead, routingKey: name)])
    }

    /// Declares all that the services need, with `lanes` lanes for each class, and a queue of builds for each platform
    /// of them. Declaring what is there changes nothing.
    package static func declare(
        on configuration: AMQPConfiguration, classes: [String], lanes: Int
    ) async throws {
        try await AMQPAdmin.withConnection(configuration) { admin in
            for (name, type) in [(events, "topic"), (inbound, "topic"), (work, "direct"), (dead, "direct")] {
                try admin.declareExchange(name, type: type)
            }
            for queue in ServiceQueue.allCases {
                try declareWork(queue.rawValue, bindings: queue.bindings, admin)
            }
            for platform in Set(classes.map(TaskClass.platform)).sorted() {
                let name = buildQueue(platform: platform)
                try declareWork(name, bindings: [.init(exchange: work, routingKey: name)], admin)
            }
            for taskClass in classes {
                for lane in 0..<lanes {
                    let name = laneQueue(taskClass: taskClass, lane: lane)
                    try declareWork(name, bindings: [.init(exchange: work, routingKey: name)], admin)
                }
            }
        }
    }

    /// Declares the queue on which a runner gets its answers.
    package static func declareControlQueue(of runner: String, on configuration: AMQPConfiguration) async throws {
        let name = controlQueue(of: runner)
        try await AMQPAdmin.withConnection(configuration) { admin in
            // Answers that nobody fetches for an hour are worth nothing, and a runner that is gone leaves no queue.
            _ = try admin.declareQueue(
                AMQPQueue(
                    name: name,
                    arguments: [
                        "x-queue-type": "quorum", "x-message-ttl": .int64(3_600_000), "x-max-length": .int64(10_000),
                        "x-expires": .int64(604_800_000), "x-delivery-limit": .int64(deliveryLimit),
                    ], bindings: [.init(exchange: work, routingKey: name)]))
        }
    }

    private static func declareWork(
        _ name: String, bindings: [AMQPQueue.Binding], _ admin: AMQPAdmin
    ) throws {
        // The dead-letter queue first: a message given up before it is there would be lost.
        try admin.declareQueue(deadLetterQueue(of: name))
        try admin.declareQueue(workQueue(name, bindings: bindings))
    }
}
