import Logging
import TestSupport
import Testing

@testable import AMQPClient

/// What a broker does to its clients on a bad day. The node is this suite's own.
@Suite(.serialized, .timeLimit(.minutes(25))) struct BrokerTroubleTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let queue = AMQPQueue(name: "q", arguments: ["x-queue-type": "quorum"])

    private func message(_ text: String) -> AMQPMessage {
        AMQPMessage(exchange: "", routingKey: "q", body: Array(text.utf8))
    }

    @Test func `Restart, stuck socket, memory alarm and TLS, on one node`() async throws {
        try await PrivateServer.withRabbitMQ { node in
            let configuration = try AMQPConfiguration(url: try node.address("url"))
            _ = try await AMQPAdmin.withConnection(configuration) { try $0.declareQueue(Self.queue).messages }
            let publisher = AMQPPublisher(configuration: configuration, publishTimeout: .seconds(6), logger: Self.quiet)
            let consumer = AMQPConsumer(configuration: configuration, logger: Self.quiet)
            try await withThrowingTaskGroup { group in
                group.addTask { try await publisher.run() }
                group.addTask { try await consumer.run() }
                var deliveries = consumer.subscribe(queue: "q", prefetch: 10).makeAsyncIterator()

                try await restarted(node, publisher, &deliveries)
                try await stuck(node, publisher, &deliveries)
                try await blocked(node, publisher, &deliveries)
                try await encrypted(node)
                group.cancelAll()
            }
        }
    }

    /// What was confirmed before a restart is delivered after it, and both clients come back by themselves.
    private func restarted(
        _ node: PrivateServer, _ publisher: AMQPPublisher, _ deliveries: inout AMQPDeliveries.Iterator
    ) async throws {
        try await sends("held", publisher)
        let held = await deliveries.next()
        #expect(held.map(text) == "held")
        try await node.call("restart")
        #expect(held?.isCurrent == false, "an ack would reach nobody")
        try await sends("after the restart", publisher)
        try await arrives(["held", "after the restart"], &deliveries)
    }

    /// A broker that stops reading, as under a hung disk: publishes end in time, and work goes on afterwards.
    private func stuck(
        _ node: PrivateServer, _ publisher: AMQPPublisher, _ deliveries: inout AMQPDeliveries.Iterator
    ) async throws {
        try await node.call("pause")
        let large = AMQPMessage(exchange: "", routingKey: "q", body: [UInt8](repeating: 0, count: 8 << 20))
        let started = ContinuousClock.now
        // Far more than the socket's buffers take.
        let results = await publisher.publish(contentsOf: [large, large, large, large])
        let took = started.duration(to: .now)
        #expect(took < .seconds(40), "\(took)")
        for result in results {
            guard case .failure(let error) = result else {
                Issue.record("confirmed by a broker that sleeps")
                continue
            }
            #expect([.timedOut, .closed].contains(error.code))
        }
        try await node.call("resume")
        try await sends("after the pause", publisher)
        // Some of the large ones may have arrived: their outcome was unknown.
        try await arrives(["after the pause"], &deliveries)
    }

    /// connection.blocked: nothing is confirmed, the status says why, and it passes with the alarm.
    private func blocked(
        _ node: PrivateServer, _ publisher: AMQPPublisher, _ deliveries: inout AMQPDeliveries.Iterator
    ) async throws {
        try await node.call("ctl", "set_vm_memory_high_watermark", "absolute", "1")
        let during = Task { try await publisher.publish(message("during the alarm")) }
        let isBlocked = try await TestEnvironment.eventually {
            if case .blocked(let reason) = publisher.status { return reason.contains("memory") }
            return false
        }
        #expect(isBlocked)
        let error = await #expect(throws: AMQPError.self) { try await during.value }
        #expect(error?.code == .timedOut)
        guard case .blocked = publisher.status else {
            Issue.record("a client that waits in vain keeps its connection: another would be blocked as well")
            return
        }
        try await node.call("ctl", "set_vm_memory_high_watermark", "0.4")
        try await sends("after the alarm", publisher)
        try await arrives(["after the alarm"], &deliveries)
    }

    /// TLS with the right authority works, and without it is refused.
    private func encrypted(_ node: PrivateServer) async throws {
        var configuration = try AMQPConfiguration(url: try node.address("tls"))
        configuration.tls = AMQPTLS(authorityFile: try node.address("ca"))
        let publisher = AMQPPublisher(configuration: configuration, logger: Self.quiet)
        try await withThrowingTaskGroup { group in
            group.addTask { try await publisher.run() }
            let body = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<8 {
                try await publisher.publish(AMQPMessage(exchange: "", routingKey: "q", body: body))
            }
            group.cancelAll()
        }
        configuration.tls = AMQPTLS()
        let stranger = configuration
        let error = await #expect(throws: AMQPError.self) {
            try await AMQPAdmin.withConnection(stranger) { _ in }
        }
        #expect(error?.code == .connectionFailed)
    }

    private func text(_ delivery: AMQPDelivery) -> String { String(decoding: delivery.body, as: UTF8.self) }

    private func sends(_ text: String, _ publisher: AMQPPublisher) async throws {
        let isSent = try await TestEnvironment.eventually(within: .seconds(180)) {
            (try? await publisher.publish(message(text))) != nil
        }
        #expect(isSent)
    }

    private func arrives(_ texts: Set<String>, _ deliveries: inout AMQPDeliveries.Iterator) async throws {
        var missing = texts
        while !missing.isEmpty, let delivery = await deliveries.next() {
            missing.remove(text(delivery))
            delivery.ack()
        }
        #expect(missing.isEmpty)
    }
}
