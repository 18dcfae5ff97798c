import AMQPClient
import Foundation
import ParityProtocol
import PostgresClient
import Store
import TestSupport
import Testing

@testable import Messaging

@Suite(.serialized) struct OutboxRelayTests {
    private func messages(_ count: Int) throws -> [OutboxMessage] {
        try (0..<count).map { _ in try Routing.evaluate(TaskID(UUID.v7())) }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What a transaction left is sent once, by several relays at once, and what it rolled back never`() async throws
    {
        try await MessagingStage.set { stage in
            let sent = try messages(1000)
            struct Undone: Error {}
            await #expect(throws: Undone.self) {
                try await stage.pool.transaction { transaction in
                    try await Outbox.insert(try messages(5), in: transaction)
                    throw Undone()
                }
            }
            let relays = (0..<3).map { _ in stage.relay() }
            try await stage.running(relays) {
                for start in stride(from: 0, to: 1000, by: 100) {
                    try await stage.insert(Array(sent[start..<(start + 100)]))
                    for relay in relays { relay.wake() }
                }
                try await stage.expectEventually { try await stage.outboxCount() == 0 }
            }
            let received = try await stage.drain(MessagingStage.queue, expecting: sent.count)
            #expect(received.count == sent.count)
            #expect(Set(received) == Set(sent.map(\.id.description)))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `A message that no queue takes stays, the others go, and it goes when a queue takes it`() async throws {
        try await MessagingStage.set { stage in
            let lane = Topology.laneQueue(taskClass: "linux-amd64.small", lane: 7)
            let offer = Offer(
                id: AttemptID(task: TaskID(UUID.v7()), replica: 0, attempt: 1), specDigest: Digest.sha256(of: []))
            let stuck = try Routing.offer(offer, taskClass: "linux-amd64.small", lane: 7)
            let news = try Envelope.outbox(
                TaskEvaluate(task: TaskID(UUID.v7())), exchange: Topology.events, routingKey: "news.of.nobody",
                isMandatory: false)
            try await stage.insert([stuck, news] + (try messages(10)))
            try await stage.running([stage.relay()]) {
                try await stage.expectEventually { try await stage.outboxCount() == 1 }
                try await stage.expectEventually { try await stage.count(MessagingStage.queue) == 10 }
                // An operator adds lanes.
                try await Topology.declare(on: stage.broker, classes: ["linux-amd64.small"], lanes: 8)
                try await stage.expectEventually { try await stage.outboxCount() == 0 }
                try await stage.expectEventually { try await stage.count(lane) == 1 }
            }
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `Connections that break again and again lose nothing`() async throws {
        try await MessagingStage.set { stage in
            let sent = try messages(600)
            try await stage.running([stage.relay()]) {
                for start in stride(from: 0, to: 600, by: 60) {
                    try await stage.insert(Array(sent[start..<(start + 60)]))
                    if start % 180 == 0 { try await stage.virtualHost.closeConnections() }
                }
                try await stage.expectEventually(within: .seconds(180)) { try await stage.outboxCount() == 0 }
            }
            // A confirm that was lost with its connection makes a message come twice, under one id.
            let received = try await stage.drain(MessagingStage.queue, expecting: sent.count)
            #expect(Set(received) == Set(sent.map(\.id.description)))
        }
    }

    @Test(.timeLimit(.minutes(25)))
    func `What a relay that died had claimed is sent by another when its hold is over`() async throws {
        try await MessagingStage.set { stage in
            try await stage.insert(try messages(3))
            let claimed = try await stage.pool.withConnection {
                try await Outbox.claim(10, token: UUID(), hold: .seconds(600), in: $0)
            }
            #expect(claimed.count == 3)
            try await stage.running([stage.relay()]) {
                // One that is free goes, so the relay works and leaves the claimed ones alone.
                try await stage.insert(try messages(1))
                try await stage.expectEventually { try await stage.count(MessagingStage.queue) == 1 }
                // A message is in its queue before it is out of the outbox.
                try await stage.expectEventually { try await stage.outboxCount() == 3 }
                try await stage.expectEventually { try await stage.count(MessagingStage.queue) == 1 }
                try await stage.pool.query("UPDATE outbox SET available_at = now()")
                try await stage.expectEventually { try await stage.outboxCount() == 0 }
            }
            // The dead relay's own clean-up, should it live after all, touches nothing of another's.
            try await stage.insert(try messages(2))
            try await stage.pool.withConnection { connection in
                let rows = try await connection.query("SELECT id FROM outbox")
                let ids = try rows.map { row throws(PostgresError) in try row.decode("id", as: Int64.self) }
                try await Outbox.delete(ids, token: UUID(), in: connection)
            }
            #expect(try await stage.outboxCount() == 2)
        }
    }
}
