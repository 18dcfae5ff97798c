import AMQPClient
import Foundation
import Logging
import ParityProtocol
import PostgresClient
import ServiceLifecycle
import Store
import TestSupport
import Testing

@testable import Messaging

/// A database with our schema and a virtual host with our queues, and a publisher between them.
struct MessagingStage: Sendable {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    static let queue = Topology.ServiceQueue.verifierTasks.rawValue

    let pool: PostgresPool
    let broker: AMQPConfiguration
    let virtualHost: RabbitMQTestBroker
    let publisher: AMQPPublisher

    static func set(_ body: @escaping @Sendable (MessagingStage) async throws -> Void) async throws {
        try await PostgresTestDatabase.withPool(Migrations.all) { pool in
            try await RabbitMQTestBroker.withVirtualHost { virtualHost in
                let broker = try virtualHost.configuration()
                try await Topology.declare(on: broker, classes: ["linux-amd64.small"], lanes: 1)
                let publisher = AMQPPublisher(configuration: broker, publishTimeout: .seconds(20), logger: quiet)
                try await withThrowingTaskGroup { group in
                    group.addTask { try await publisher.run() }
                    try await body(
                        MessagingStage(pool: pool, broker: broker, virtualHost: virtualHost, publisher: publisher))
                    group.cancelAll()
                }
            }
        }
    }

    func relay() -> OutboxRelay { OutboxRelay(pool: pool, publisher: publisher, logger: Self.quiet) }

    /// Runs `services` as long as `body` does.
    func running(_ services: [any Service], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup { group in
            for service in services { group.addTask { try await service.run() } }
            try await body()
            group.cancelAll()
        }
    }

    /// Fails the test if `condition` does not come about.
    func expectEventually(
        within limit: Duration = .seconds(180), sourceLocation: SourceLocation = #_sourceLocation,
        _ condition: () async throws -> Bool
    ) async throws {
        let isMet = try await TestEnvironment.eventually(within: limit, condition)
        #expect(isMet, sourceLocation: sourceLocation)
    }

    /// How many messages stand in `queue`.
    func count(_ queue: String) async throws -> Int {
        try await AMQPAdmin.withConnection(broker) { try $0.checkQueue(queue).messages }
    }

    func outboxCount() async throws -> Int {
        try await pool.query("SELECT count(*) AS n FROM outbox").first?.decode("n") ?? 0
    }

    func insert(_ messages: [OutboxMessage]) async throws {
        try await pool.transaction { try await Outbox.insert(messages, in: $0) }
    }

    /// The ids of what stands in `queue`, taken off it until it has been empty for a moment.
    func drain(_ queue: String, expecting total: Int) async throws -> [String] {
        let consumer = AMQPConsumer(configuration: broker, logger: Self.quiet)
        let deliveries = consumer.subscribe(queue: queue, prefetch: 100)
        let collected = Collected()
        try await running([consumer]) {
            let reader = Task {
                for await delivery in deliveries {
                    await collected.add(delivery.properties.messageID ?? "-")
                    delivery.ack()
                }
            }
            _ = try await TestEnvironment.eventually { Set(await collected.ids).count >= total }
            // Whatever came twice stands behind: the broker keeps the order. It says 0 also when it is too busy to count.
            var empty = 0
            _ = try await TestEnvironment.eventually(within: .seconds(60)) {
                empty = try await count(queue) == 0 ? empty + 1 : 0
                return empty == 5
            }
            reader.cancel()
        }
        return await collected.ids
    }
}

actor Collected {
    private(set) var ids: [String] = []
    func add(_ id: String) { ids.append(id) }
}
