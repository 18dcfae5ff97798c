import AMQPClient
import Foundation
import ParityProtocol
import PostgresClient
import Store
import TestSupport
import Testing

@testable import Messaging

@Suite(.serialized) struct ConsumerLoopTests {
    private func publish(_ bodies: [String], ids: [String?], _ stage: MessagingStage) async throws {
        let messages = zip(bodies, ids).map { body, id in
            var properties = AMQPProperties()
            properties.messageID = id
            return AMQPMessage(
                exchange: Topology.events, routingKey: "task.evaluate", body: Array(body.utf8), properties: properties)
        }
        // A connection that breaks takes messages with it whose fate nobody knows: they go again, under the same ids.
        var missing = messages
        try await stage.expectEventually {
            let results = await stage.publisher.publish(contentsOf: missing)
            missing = zip(missing, results).compactMap { message, result in
                if case .success = result { nil } else { message }
            }
            return missing.isEmpty
        }
    }

    private func loop(_ stage: MessagingStage, _ handler: @escaping ConsumerLoop.Handler) -> ConsumingService {
        let consumer = AMQPConsumer(configuration: stage.broker, logger: MessagingStage.quiet)
        return ConsumingService(
            consumer: consumer,
            loops: [
                ConsumerLoop(
                    queue: MessagingStage.queue, consumer: consumer, concurrency: 4, logger: MessagingStage.quiet,
                    handler: handler)
            ])
    }

    @Test(.timeLimit(.minutes(25)))
    func `Malformed messages are set aside at once, those that always fail after five tries, the rest is done`()
        async throws
    {
        try await MessagingStage.set { stage in
            let tries = Collected()
            let done = Collected()
            let task = TaskID(UUID.v7())
            let good = "{\"schema\":\"\(TaskEvaluate.schema)\",\"task\":\"\(task)\"}"
            let ids = (0..<6).map { _ in MessageID(UUID.v7()).description }
            struct Refused: Error {}
            try await publish(
                [good, "not json", "{}", good, "{\"schema\":\"other/v1\"}", good],
                ids: [ids[0], ids[1], ids[2], "no uuid", ids[4], ids[5]], stage)
            let consuming = loop(stage) { delivery, id in
                guard try Envelope.decode(TaskEvaluate.self, from: delivery) != nil else {
                    throw MalformedMessage("of another schema")
                }
                await tries.add(id.description)
                if id.description == ids[5] { throw Refused() }
                await done.add(id.description)
            }
            try await stage.running([consuming]) {
                let dead = Topology.deadQueue(of: MessagingStage.queue)
                try await stage.expectEventually { try await stage.count(dead) == 5 }
                try await stage.expectEventually { await done.ids == [ids[0]] }
                let triedIDs = await tries.ids
                #expect(triedIDs.count { $0 == ids[5] } == 5)
                try await stage.expectEventually { try await stage.count(MessagingStage.queue) == 0 }
            }
        }
    }

    @Test(
        .timeLimit(.minutes(25)),
        arguments: [
            PostgresError(code: .connectionFailed, message: "away"),
            // As the client reports a statement that took too long, a lock that did, a session that idled, a conflict
            // that did not end, and a full disk.
            PostgresError(code: .cancelled, message: "statement timeout", sqlState: "57014"),
            PostgresError(code: .server, message: "lock timeout", sqlState: "55P03"),
            PostgresError(code: .server, message: "idle-in-transaction timeout", sqlState: "25P03"),
            PostgresError(code: .server, message: "deadlock detected", sqlState: "40P01"),
            PostgresError(code: .server, message: "disk full", sqlState: "53100"),
        ])
    func `A message whose database is away or too slow waits as long as it takes`(trouble: PostgresError) async throws {
        try await MessagingStage.set { stage in
            let tries = Collected()
            let id = MessageID(UUID.v7()).description
            try await publish(["{}"], ids: [id], stage)
            let consuming = loop(stage) { _, id in
                await tries.add(id.description)
                if await tries.ids.count < 8 { throw trouble }
            }
            try await stage.running([consuming]) {
                // More often than a message that fails for itself.
                try await stage.expectEventually { await tries.ids.count == 8 }
                try await stage.expectEventually { try await stage.count(MessagingStage.queue) == 0 }
                try await stage.expectEventually {
                    try await stage.count(Topology.deadQueue(of: MessagingStage.queue)) == 0
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A message that comes twice has its effect once, also when the first time broke off`() async throws {
        try await MessagingStage.set { stage in
            let ids = (0..<40).map { _ in MessageID(UUID.v7()).description }
            let breaks = Collected()
            let consuming = loop(stage) { _, id in
                try await stage.pool.transaction { transaction in
                    guard try await Inbox.accept(id, by: "test", in: transaction) else { return }
                    try await Outbox.insert([try Routing.evaluate(TaskID(id.uuid))], in: transaction)
                    // Every second message breaks off in its first transaction.
                    let isFirst = await !breaks.ids.contains(id.description)
                    await breaks.add(id.description)
                    if isFirst, ids.firstIndex(of: id.description)?.isMultiple(of: 2) == true {
                        throw PostgresError(code: .connectionFailed, message: "broke off")
                    }
                }
            }
            try await stage.running([consuming]) {
                try await publish(ids.map { _ in "{}" }, ids: ids, stage)
                try await stage.virtualHost.closeConnections()
                try await publish(ids.map { _ in "{}" }, ids: ids, stage)
                try await stage.expectEventually {
                    try await stage.pool.query("SELECT 1 FROM inbox").count == 40
                }
                try await stage.expectEventually { try await stage.count(MessagingStage.queue) == 0 }
            }
            #expect(try await stage.outboxCount() == 40)
        }
    }
}
